// Lets callers wait until something changes: a change wakes every waiter, and nothing is kept.

export class Change {
  #waiters = new Set<() => void>();

  wake(): void {
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const wake of waiters) wake();
  }

  /** Resolves at the next change, or when the signal aborts. */
  next(abort: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        abort.removeEventListener("abort", done);
        this.#waiters.delete(done);
        resolve();
      };
      this.#waiters.add(done);
      abort.addEventListener("abort", done, { once: true });
      if (abort.aborted) done();
    });
  }
}
