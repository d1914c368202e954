// Connections that were stopped because they send many small pieces. They are resumed one after the
// other, so that all of them together take only a share of the event loop.

export type Stopped = {
  /** Owners take turns, however many connections each of them has. */
  readonly owner: string;
  /** How many pieces it sent before it was stopped. */
  readonly pieces: number;
  /** Whether nothing more is to be read from it. */
  isOver(): boolean;
  /** Resumes reading. */
  start(): void;
};

/** The approximate time of a piece, and how much of the event loop is left to others. */
const pieceMs = 0.005;
const othersShare = 3;

export class ReadingQueue {
  /** Owners with waiting connections, the next one first. */
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
   * Resumes the connection when it is its turn: after each, others have three times as long as its
   * last pieces took.
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
      // If the owner has more, it goes behind the others.
      this.#waiting.delete(owner);
      const next = own.shift();
      if (own.length > 0) this.#waiting.set(owner, own);
      return next;
    }
    return undefined;
  }
}

export type ReadingQueueOptions = { after?: (run: () => void, delayMs: number) => unknown };
