// Requests begin a few at a time, and connections take turns. Many connections that send hundreds
// of requests at once delay those of another by only a few.

/** They take some 2 ms of the event loop. */
const requestsPerRound = 8;

/** Begins a request; returns whether it did, which is false if its client has left. */
export type Start = () => boolean;

export class RequestStarts {
  /** Connections with waiting requests, the next one first. */
  readonly #waiting = new Map<object, Start[]>();

  /** How many requests wait. */
  get waiting(): number {
    return [...this.#waiting.values()].reduce((sum, own) => sum + own.length, 0);
  }

  /**
   * Begins a request two rounds of the event loop later, or when it is its connection's turn.
   * Meanwhile the server notices clients that have left: their requests then cost no more than
   * their headers.
   */
  take(connection: object, start: Start): void {
    setImmediate(() => {
      if (this.#waiting.size === 0) setImmediate(() => this.#nextRound());
      const own = this.#waiting.get(connection);
      if (own) own.push(start);
      else this.#waiting.set(connection, [start]);
    });
  }

  #nextRound(): void {
    let begun = 0;
    for (const [connection, own] of this.#waiting) {
      if (begun === requestsPerRound) break;
      // If the connection has more, it goes behind the others.
      this.#waiting.delete(connection);
      let start = own.shift();
      while (start !== undefined && !start()) start = own.shift();
      if (start !== undefined) begun++;
      if (own.length > 0) this.#waiting.set(connection, own);
    }
    if (this.#waiting.size > 0) setImmediate(() => this.#nextRound());
  }
}
