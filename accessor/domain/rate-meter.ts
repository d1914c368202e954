// How much passed in the last seconds: a sum for each whole second, and the mean of those that are
// over.

export const rateSeconds = 10;

export class RateMeter {
  readonly #monotonicMs: () => number;
  /** The second being counted is one more. */
  readonly #sums = new Float64Array(rateSeconds + 1);
  readonly #seconds = new Float64Array(rateSeconds + 1).fill(-1);

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  add(amount: number): void {
    const second = this.#now();
    const at = second % this.#sums.length;
    if (this.#seconds[at] !== second) {
      this.#seconds[at] = second;
      this.#sums[at] = 0;
    }
    this.#sums[at]! += amount;
  }

  /** The mean of the last 10 seconds that are over. */
  perSecond(): number {
    const now = this.#now();
    let sum = 0;
    for (let at = 0; at < this.#sums.length; at++) {
      const age = now - this.#seconds[at]!;
      if (age >= 1 && age <= rateSeconds) sum += this.#sums[at]!;
    }
    return sum / rateSeconds;
  }

  #now(): number {
    return Math.floor(this.#monotonicMs() / 1_000);
  }
}
