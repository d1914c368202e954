// Gives callers turns at a limited resource: the caller that holds least comes first, and each
// caller's requests are served in order.

type Waiter = { caller: string; amount: number; passed: number; grant: () => void };

export type FairQueueOptions = {
  max: number;
  /**
   * Most that one caller may hold, however little the others want. Default: seven eighths, or all
   * but one if there are few.
   */
  maxPerCaller?: number;
};

/**
 * Smaller demands may overtake one that does not fit, until they have taken as much as there is in
 * total; then everything waits for it. So a large demand delays nobody for long, and is not
 * starved. A demand above the bound is granted when nothing else is held.
 */
export class FairQueue {
  readonly #max: number;
  readonly #maxPerCaller: number;
  readonly #held = new Map<string, number>();
  /** Each caller's requests, in order. */
  readonly #waiting = new Map<string, Waiter[]>();
  #used = 0;
  #waiters = 0;

  constructor({ max, maxPerCaller = Math.max(1, Math.floor((max * 7) / 8)) }: FairQueueOptions) {
    this.#max = max;
    this.#maxPerCaller = maxPerCaller;
  }

  get used(): number {
    return this.#used;
  }

  get waiting(): number {
    return this.#waiters;
  }

  heldBy(caller: string): number {
    return this.#held.get(caller) ?? 0;
  }

  /**
   * Resolves when the amount is granted; give it back with release, in parts if you like. Rejects
   * with the abort signal's reason.
   */
  async acquire(caller: string, amount: number, abort?: AbortSignal): Promise<void> {
    abort?.throwIfAborted();
    if (this.#fits(caller, amount) && (this.#waiters === 0 || this.#comesFirst(caller))) {
      this.#take(caller, amount);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#remove(waiter);
        this.#grant();
        reject(abort!.reason);
      };
      const waiter: Waiter = {
        caller,
        amount,
        passed: 0,
        grant() {
          abort?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      abort?.addEventListener("abort", onAbort, { once: true });
      const queue = this.#waiting.get(caller);
      if (queue === undefined) this.#waiting.set(caller, [waiter]);
      else queue.push(waiter);
      this.#waiters++;
      this.#grant();
    });
  }

  /** The same as acquire; disposing of the result gives the amount back, once. */
  async lease(caller: string, amount: number, abort?: AbortSignal): Promise<Disposable> {
    await this.acquire(caller, amount, abort);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.release(caller, amount);
        isHeld = false;
      },
    };
  }

  release(caller: string, amount: number): void {
    this.#used -= amount;
    const left = this.heldBy(caller) - amount;
    if (left > 0) this.#held.set(caller, left);
    else this.#held.delete(caller);
    this.#grant();
  }

  #take(caller: string, amount: number): void {
    this.#used += amount;
    this.#held.set(caller, this.heldBy(caller) + amount);
  }

  #fits(caller: string, amount: number): boolean {
    if (this.#used === 0) return true;
    return this.#used + amount <= this.#max && this.#mayHold(caller, amount);
  }

  #mayHold(caller: string, amount: number): boolean {
    const held = this.heldBy(caller);
    return held === 0 || held + amount <= this.#maxPerCaller;
  }

  /** A caller that holds nothing need not wait for callers that hold something. */
  #comesFirst(caller: string): boolean {
    if (this.#waiting.has(caller) || this.heldBy(caller) > 0) return false;
    for (const [first] of this.#waiting.values())
      if (this.#isOverdue(first!) || this.heldBy(first!.caller) === 0) return false;
    return true;
  }

  /** A caller that only waits for its own amount to be released does not block others. */
  #isOverdue({ caller, amount, passed }: Waiter): boolean {
    return passed >= this.#max && this.#mayHold(caller, amount);
  }

  #grant(): void {
    while (this.#waiters > 0) {
      const next = this.#next();
      if (next === undefined) return;
      this.#remove(next);
      this.#take(next.caller, next.amount);
      for (const [first] of this.#waiting.values())
        if (
          !this.#fits(first!.caller, first!.amount) &&
          this.#mayHold(first!.caller, first!.amount)
        )
          first!.passed += next.amount;
      next.grant();
    }
  }

  /**
   * The first waiter of the caller that holds least, among those whose demand fits. If a waiter is
   * overdue, only that one.
   */
  #next(): Waiter | undefined {
    let best: Waiter | undefined;
    for (const [first] of this.#waiting.values()) {
      if (this.#isOverdue(first!))
        return this.#fits(first!.caller, first!.amount) ? first : undefined;
      if (!this.#fits(first!.caller, first!.amount)) continue;
      if (best === undefined || this.heldBy(first!.caller) < this.heldBy(best.caller)) best = first;
    }
    return best;
  }

  #remove(waiter: Waiter): void {
    const queue = this.#waiting.get(waiter.caller)!;
    queue.splice(queue.indexOf(waiter), 1);
    this.#waiters--;
    // If the caller wants more, it goes behind those that have waited longer.
    this.#waiting.delete(waiter.caller);
    if (queue.length > 0) this.#waiting.set(waiter.caller, queue);
  }
}
