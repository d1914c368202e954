// A subscriber of the harness: watches through our client library, at its own pace, and keeps every
// record's digest for the oracle.
import type { WatchSignalsResponse } from "#gen/millrace/v1/signal_service_pb.ts";
import { type WatchOptions, watch } from "../../client/watch.ts";
import { FeedBreakError, WatchError } from "../../client/watch-error.ts";
import { createBackoff } from "../../runtime/backoff.ts";
import { pause, type Reach, reach, reasonOf } from "./clients.ts";
import { contentOf, keyOf, revisionOf } from "./content.ts";
import type { Random } from "./random.ts";
import type { RoundRecord } from "./record.ts";

export type SubscriberOptions = {
  name: string;
  machines: readonly string[];
  signals: readonly string[];
  /** The cursor to start after; undefined: now. */
  after: string | undefined;
  /** Longest pause after an update. */
  slowMs: number;
  /**
   * Whether the round may give up commits: the subscriber then continues after the cursor in the
   * error. Default: that is a violation.
   */
  mayBeTold?: boolean;
  ports: readonly number[];
  random: Random;
  record: RoundRecord;
};

// One promotion gives up commits at one point at most.
const maxTold = 1;

/** The records between two cursors. */
export type Feed = {
  readonly startCursor: string | undefined;
  readonly cursor: string | undefined;
  /** keyOf each, in order. */
  readonly seen: readonly string[];
};

/** A subscriber in the form that the oracle reads. */
export type Watched = Feed & {
  readonly options: Pick<SubscriberOptions, "name" | "machines" | "signals">;
  /** Feeds that ended with a named error because their records were given up. */
  readonly past: readonly Feed[];
};

export class Subscriber implements Watched {
  readonly options: SubscriberOptions;
  seen: string[] = [];
  readonly past: Feed[] = [];
  /** The number of records received at each cursor, to resume from. */
  readonly marks: { cursor: string; seen: number }[] = [];
  startCursor: string | undefined;
  cursor: string | undefined;
  readonly #stop = new AbortController();
  #connection = new AbortController();
  #reach: Reach | undefined;
  readonly running: Promise<void>;

  constructor(options: SubscriberOptions) {
    this.options = options;
    this.startCursor = this.cursor = options.after;
    this.running = this.#run();
  }

  get revision(): number {
    return this.cursor === undefined ? -1 : revisionOf(this.cursor);
  }

  /** As if its process had been restarted: only the cursor is left. */
  restart(): void {
    this.#connection.abort(new Error("restart"));
  }

  close(): void {
    this.#stop.abort(new Error("the round is over"));
    this.#connection.abort(new Error("the round is over"));
  }

  async #run(): Promise<void> {
    const { name, machines, signals, record, random, slowMs } = this.options;
    while (!this.#stop.signal.aborted) {
      this.#connection = new AbortController();
      const { signal: abort } = this.#connection;
      try {
        const options: WatchOptions = {
          client: { watchSignals: (request, call) => this.#connect(request, call) },
          machines,
          signals,
          abort,
          bookmarks: true,
          silenceMs: 1_500,
          backoff: createBackoff({ baseMs: 50, maxMs: 500, random: random.next }),
          onState: (state) => {
            record.note({
              who: name,
              what: state.state,
              ...(state.state === "connected" ? {} : { reason: reasonOf(state.error) }),
            });
            if (state.state === "reconnecting" && state.error instanceof FeedBreakError)
              record.violation(`${name}: ${state.error.message}`);
          },
          ...(this.cursor === undefined ? {} : { after: this.cursor }),
        };
        for await (const { batches, cursor } of watch(options)) {
          for (const batch of batches) this.seen.push(keyOf(contentOf(batch)));
          this.cursor = cursor;
          if (batches.length > 0) {
            this.marks.push({ cursor, seen: this.seen.length });
            record.note({
              who: name,
              what: "update",
              how: "ok",
              revision: revisionOf(cursor),
              batches: batches.length,
            });
          }
          if (slowMs > 0) await pause(slowMs * random.next(), abort);
        }
      } catch (error) {
        if (error instanceof WatchError && this.#isTold(error)) continue;
        if (error instanceof WatchError) {
          record.violation(`${name}: the watch ended with ${error.reason}: ${error.message}`);
          return;
        }
        if (!abort.aborted) {
          record.violation(`${name}: the watch threw ${String(error)}`);
          return;
        }
      }
    }
    this.#reach?.[Symbol.dispose]();
  }

  /**
   * Continues from another cursor if the error permits it. The oracle decides whether the error was
   * correct.
   */
  #isTold({ reason, cursor }: WatchError): boolean {
    const { mayBeTold = false, name, record } = this.options;
    if (!mayBeTold || reason !== "CURSOR_FOREIGN" || !cursor || this.past.length === maxTold)
      return false;
    const { startCursor, cursor: through, seen } = this;
    record.note({
      who: name,
      what: "told",
      reason,
      through: through && revisionOf(through),
      next: revisionOf(cursor),
    });
    this.past.push({ startCursor, cursor: through, seen });
    this.startCursor = this.cursor = cursor;
    this.seen = [];
    return true;
  }

  /** Connects each watch through a randomly chosen proxy; records where the first one began. */
  async *#connect(
    ...[request, call]: Parameters<WatchOptions["client"]["watchSignals"]>
  ): AsyncGenerator<WatchSignalsResponse> {
    this.#reach?.[Symbol.dispose]();
    this.#reach = reach(this.options.ports, this.options.random);
    for await (const message of this.#reach.signals.watchSignals(request, call ?? {})) {
      this.startCursor ??= message.after;
      yield message;
    }
  }
}
