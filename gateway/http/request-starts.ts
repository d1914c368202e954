// Requests begin a few at a time, connections in turn. Many connections that send hundreds of them
// at once hold up another's by a few.

/** Some 2 ms of the event loop. */
const requestsPerRound = 8;

/** Begins a request; answers whether it did, and not if its client has left. */
export type Start = () => boolean;

export class RequestStarts {
  /** Connections with requests that wait, the next first. */
  readonly #waiting = new Map<object, Start[]>();

  /** How many wait. */
  get waiting(): number {
    return [...this.#waiting.values()].reduce((sum, own) => sum + own.length, 0);
  }

  /**
   * Begins a request two rounds of the event loop later, or when it is its connection's turn. The
   * end of a client that has left is read meanwhile: its request then costs no more than its
   * headers.
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
      // Behind the other connections, if it has more.
      this.#waiting.delete(connection);
      let start = own.shift();
      while (start !== undefined && !start()) start = own.shift();
      if (start !== undefined) begun++;
      if (own.length > 0) this.#waiting.set(connection, own);
    }
    if (this.#waiting.size > 0) setImmediate(() => this.#nextRound());
  }
}
