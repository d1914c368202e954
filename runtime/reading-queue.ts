// Connections that were stopped because they send many small pieces: one after the other is read
// again, so that all of them together take no more than a share of the event loop.

export type Stopped = {
  /** Owners take turns, however many connections each of them has. */
  readonly owner: string;
  /** How many it brought before it was stopped. */
  readonly pieces: number;
  /** Whether nothing is to be read of it any more. */
  isOver(): boolean;
  /** Reads it again. */
  start(): void;
};

/** What a piece takes, about, and how much of the event loop is left to others meanwhile. */
const pieceMs = 0.005;
const othersShare = 3;

export class ReadingQueue {
  /** Owners with connections that wait, the next first. */
  readonly #waiting = new Map<string, Stopped[]>();
  readonly #after: (run: () => void, delayMs: number) => unknown;
  #paused = false;

  /** after: runs something later. Default: setTimeout(). */
  constructor({
    after = (run, delayMs) => setTimeout(run, delayMs).unref(),
  }: ReadingQueueOptions = {}) {
    this.#after = after;
  }

  /** How many connections wait. */
  get size(): number {
    return [...this.#waiting.values()].reduce((sum, own) => sum + own.length, 0);
  }

  /**
   * Reads the connection again when it is its turn: after each, others have three times as long as
   * its last pieces took.
   */
  add(connection: Stopped): void {
    const own = this.#waiting.get(connection.owner);
    if (own) own.push(connection);
    else this.#waiting.set(connection.owner, [connection]);
    if (!this.#paused) this.#startNext();
  }

  #startNext(): void {
    this.#paused = false;
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      if (next.isOver()) continue;
      this.#paused = true;
      this.#after(() => this.#startNext(), othersShare * pieceMs * next.pieces);
      next.start();
      return;
    }
  }

  #take(): Stopped | undefined {
    for (const [owner, own] of this.#waiting) {
      // Behind the other owners, if it has more.
      this.#waiting.delete(owner);
      const next = own.shift();
      if (own.length > 0) this.#waiting.set(owner, own);
      return next;
    }
    return undefined;
  }
}

export type ReadingQueueOptions = { after?: (run: () => void, delayMs: number) => unknown };
