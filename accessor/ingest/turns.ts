// Decides whose batch is committed next: callers, and the producers of one caller, advance by the
// bytes that they have sent, so that none waits behind everything that another has in flight.

/** turn: the lower, the sooner. */
export type Turn = { readonly turn: number; readonly holder: string };

type Batch = { holder: string; producerId: string | number; bytes: number };

export class Turns {
  /**
   * For each caller, its producers with waiting batches: how many, and the turn of the last one.
   */
  readonly #waiting = new Map<string, Map<string | number, { count: number; lastTurn: number }>>();
  /** The turn of the batch that was taken last. */
  #now = 0;

  get callers(): number {
    return this.#waiting.size;
  }

  /** Assigns the turn of a batch that has arrived. */
  next({ holder, producerId, bytes }: Batch): Turn {
    const own =
      this.#waiting.get(holder) ?? new Map<string | number, { count: number; lastTurn: number }>();
    this.#waiting.set(holder, own);
    const producer = own.get(producerId) ?? { count: 0, lastTurn: this.#now };
    own.set(producerId, producer);
    producer.count++;
    // With twice as many producers, each advances half as fast: a caller gains nothing by it.
    producer.lastTurn += bytes * own.size;
    return { turn: producer.lastTurn, holder };
  }

  /** The batch has been taken. */
  taken({ turn, holder, producerId }: Turn & { producerId: string | number }): void {
    this.#now = Math.max(this.#now, turn);
    const own = this.#waiting.get(holder)!;
    const producer = own.get(producerId)!;
    if (--producer.count > 0) return;
    own.delete(producerId);
    if (own.size === 0) this.#waiting.delete(holder);
  }
}
