// Limits how many streams a client has open on a connection, and how many calls it resets before
// they begin. Node creates an object for each stream when its headers arrive, which takes about
// 30 µs; only then can the server make the call wait.
import { constants, type ServerHttp2Session } from "node:http2";

/** Limit of a new connection. RFC 9113, 6.5.2, recommends at least 100. */
export const firstStreams = 100;

const earlyResets = { burst: 200, perSecond: 50, perBegun: 4 };

export type Paced = Pick<
  ServerHttp2Session,
  "closed" | "destroyed" | "pendingSettingsAck" | "settings" | "goaway" | "destroy"
>;

export class SessionPace {
  readonly #session: Paced;
  readonly #monotonicMs: () => number;
  readonly #maxStreams: number;
  #streams = firstStreams;
  #open = 0;
  #resetsLeft = earlyResets.burst;
  #sinceMs: number;

  /** maxStreams: most that the client may have open at once. Default 1,000. */
  constructor(
    session: Paced,
    { maxStreams = 1_000, monotonicMs = () => performance.now() }: PaceOptions = {},
  ) {
    this.#session = session;
    this.#maxStreams = maxStreams;
    this.#monotonicMs = monotonicMs;
    this.#sinceMs = monotonicMs();
  }

  /**
   * A call has begun. When half of the allowed streams have begun, the client may open twice as
   * many, up to the maximum.
   */
  began(): void {
    this.#open++;
    this.#give(earlyResets.perBegun);
    const session = this.#session;
    if (this.#open < this.#streams / 2 || this.#streams >= this.#maxStreams) return;
    if (session.closed || session.destroyed || session.pendingSettingsAck) return;
    this.#streams = Math.min(this.#maxStreams, 2 * this.#streams);
    session.settings({ maxConcurrentStreams: this.#streams });
  }

  /** A call that had begun has ended. */
  ended(): void {
    this.#open--;
  }

  /**
   * The client has reset a call before it began. Beyond 200, 50 a second and 4 for each call that
   * began, the connection ends with ENHANCE_YOUR_CALM. A gateway stays below that: it mostly resets
   * calls that have begun.
   */
  resetEarly(): void {
    const nowMs = this.#monotonicMs();
    this.#give(((nowMs - this.#sinceMs) / 1000) * earlyResets.perSecond);
    this.#sinceMs = nowMs;
    if (--this.#resetsLeft >= 0 || this.#session.destroyed) return;
    this.#session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.#session.destroy();
  }

  #give(resets: number): void {
    this.#resetsLeft = Math.min(earlyResets.burst, this.#resetsLeft + resets);
  }
}

export type PaceOptions = {
  maxStreams?: number;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
};
