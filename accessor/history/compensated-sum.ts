// Sums that keep what plain addition loses: the low bits of small numbers beside large ones, and
// what overflows on the way to a mean. No I/O.

/** Numbers are scaled down by this where their sum would overflow: exact but for the smallest. */
const scale = 2 ** -64;

/**
 * Sum of `values[start]` up to, not including, `values[end]`, each addition's error added up beside
 * it (T. J. Dekker's two-sum): right to a rounding or two, whatever cancels. ±Infinity only if the
 * sum itself is beyond float64.
 */
export function sumOf(values: Float64Array, start: number, end: number): number {
  let sum = 0;
  let low = 0;
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    const next = sum + value;
    const before = next - value;
    low += sum - before + (value - (next - before));
    sum = next;
  }
  const total = sum + low;
  // An overflow on the way makes Infinity - Infinity of the errors.
  return Number.isFinite(total) ? total : scaledSumOf(values, start, end) / scale;
}

/** The same in units of 2^64: of any values finite. */
export function scaledSumOf(values: Float64Array, start: number, end: number): number {
  const sum = new RunningSum();
  for (let i = start; i < end; i++) sum.add(values[i]! * scale);
  return sum.value;
}

/** Adds up numbers one by one, as `sumOf` does. */
class RunningSum {
  #sum = 0;
  #low = 0;

  add(value: number): void {
    const next = this.#sum + value;
    const before = next - value;
    this.#low += this.#sum - before + (value - (next - before));
    this.#sum = next;
  }

  get value(): number {
    return this.#sum + this.#low;
  }
}

/** The mean of pieces whose sums are known, or whose values are where a sum is not finite. */
export class RunningMean {
  readonly #sum = new RunningSum();
  readonly #scaled = new RunningSum();
  #count = 0;

  /** scaledSum: asked for only if the sum is not finite. */
  add(count: number, sum: number, scaledSum: () => number): void {
    this.#count += count;
    this.#sum.add(sum);
    this.#scaled.add(Number.isFinite(sum) ? sum * scale : scaledSum());
  }

  get sum(): number {
    const { value } = this.#sum;
    return Number.isFinite(value) ? value : this.#scaled.value / scale;
  }

  /** Never outside of what was measured. */
  mean(min: number, max: number): number {
    const { sum } = this;
    const mean = Number.isFinite(sum) ? sum / this.#count : this.#scaled.value / this.#count / scale;
    return Math.max(min, Math.min(max, mean));
  }
}
