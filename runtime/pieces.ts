// Bounds on connections whose bytes arrive in very small pieces: frames of HTTP/2, chunks of
// HTTP/1.1, records of TLS. A piece takes Node some microseconds, however small, and one read of 64
// KiB holds thousands of them.
import { ReadingQueue } from "./reading-queue.ts";

/** Controls of a connection. */
export type Reading = {
  /** Connections of one owner share one turn among those of other owners. */
  readonly owner: string;
  readonly isClosed: boolean;
  /** Stops reading. Bytes that are already read still arrive. */
  stop(): unknown;
  /** Resumes reading. */
  start(): unknown;
  /** Ends the connection. */
  end(): unknown;
};

/** Smaller pieces cost more than the same bytes sent together. */
const smallBytes = 16;

/**
 * How many small pieces a connection may send. Writers that send a line in several parts have some
 * small pieces beside each larger one; a small device may send each number by itself.
 */
const smallPieces = { burst: 1_000, perSecond: 500, perLarger: 4 };

/**
 * How many pieces of a connection are taken in a round of the event loop; a thousand take some 5
 * ms. At `stop`, it is no longer read. What has been read by then still arrives, up to 64 KiB: it
 * exceeds `end` only if the pieces are very small.
 */
const inRound = { stop: 1_000, end: 4_000 };
/**
 * Once all connections together have sent `all` pieces in a round, each stops at a smaller number.
 */
const manyInRound = { all: 2_000, stop: 64 };

/** Pieces of all connections in this round. */
let ofAll = 0;
const startRound = () => {
  ofAll = 0;
};

/** Counts the pieces of one connection. */
export class Pieces {
  readonly #reading: Reading;
  readonly #queue: ReadingQueue;
  readonly #monotonicMs: () => number;
  #left = smallPieces.burst;
  #sinceMs: number;
  #inRound = 0;
  #stopped = false;
  #ended = false;

  constructor(
    reading: Reading,
    { queue = shared, monotonicMs = () => performance.now() }: PiecesOptions = {},
  ) {
    this.#reading = reading;
    this.#queue = queue;
    this.#monotonicMs = monotonicMs;
    this.#sinceMs = monotonicMs();
  }

  /**
   * A piece has arrived. After 1,000 in a round of the event loop, or 64 if the others have sent
   * many, the connection is not read until it is its turn. Ends a connection that sends more than
   * 1,000 pieces of less than 16 bytes, and 500 a second, and 4 for each larger piece; or more than
   * 4,000 of any size in a round. Returns whether the piece may be taken, which is false once the
   * connection is ended.
   */
  came(bytes: number): boolean {
    if (this.#ended) return false;
    if (ofAll++ === 0) setImmediate(startRound);
    if (++this.#inRound === 1) setImmediate(() => this.#nextRound());
    const most = ofAll >= manyInRound.all ? manyInRound.stop : inRound.stop;
    if (!this.#stopped && this.#inRound >= most) {
      this.#stopped = true;
      this.#reading.stop();
    }
    if (this.#inRound <= inRound.end && this.#isGranted(bytes)) return true;
    this.#ended = true;
    this.#reading.end();
    return false;
  }

  #isGranted(bytes: number): boolean {
    if (bytes >= smallBytes) {
      this.#give(smallPieces.perLarger);
      return true;
    }
    if (--this.#left >= 0) return true;
    const nowMs = this.#monotonicMs();
    this.#give(((nowMs - this.#sinceMs) / 1000) * smallPieces.perSecond);
    this.#sinceMs = nowMs;
    return this.#left >= 0;
  }

  #nextRound(): void {
    const pieces = this.#inRound;
    this.#inRound = 0;
    if (!this.#stopped || this.#ended) return;
    this.#queue.add({
      owner: this.#reading.owner,
      pieces,
      isOver: () => this.#ended || this.#reading.isClosed,
      start: () => {
        this.#stopped = false;
        this.#reading.start();
      },
    });
  }

  #give(pieces: number): void {
    this.#left = Math.min(smallPieces.burst, this.#left + pieces);
  }
}

export type PiecesOptions = {
  /** Where stopped connections wait. Default: with all others of the process. */
  queue?: ReadingQueue;
  monotonicMs?: () => number;
};

const shared = new ReadingQueue();
