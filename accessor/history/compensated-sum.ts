// Sums that keep what plain addition loses: the low bits of small numbers added to large ones, and
// sums that overflow only in between. No I/O.
import { type DoubleDouble, plus, sumOfTwo, zero } from "./double-double.ts";

/**
 * Numbers are scaled down by this if their sum would overflow, which is exact except for the
 * smallest numbers.
 */
export const scale = 2 ** -64;

/**
 * Sum of `values[start]` up to, not including, `values[end]`, with the errors of each addition
 * summed separately: exact to a rounding or two, whatever cancels. ±Infinity only if the sum itself
 * is beyond float64.
 */
export function sumOf(values: Float64Array, start: number, end: number): DoubleDouble {
  let sum = 0;
  let low = 0;
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    const next = sum + value;
    const before = next - value;
    low += sum - before + (value - (next - before));
    sum = next;
  }
  // An overflow in between turns the errors into Infinity - Infinity.
  return Number.isFinite(sum + low)
    ? sumOfTwo(sum, low)
    : { high: sumOf(scaled(values, start, end), 0, end - start).high / scale, low: 0 };
}

/** The same range of values in units of 2^64, whose sum cannot overflow. */
export const scaled = (values: Float64Array, start: number, end: number) =>
  values.subarray(start, end).map((value) => value * scale);

/** Adds up parts one by one. */
export class RunningSum {
  /** In units of 2^64 once it would overflow. */
  #sum = zero;
  #isScaled = false;

  /** scaledPart: the part in units of 2^64; computed only if the part is not finite. */
  add(part: DoubleDouble, scaledPart: () => number): void {
    if (!this.#isScaled) {
      const next = plus(this.#sum, part);
      if (Number.isFinite(next.high)) {
        this.#sum = next;
        return;
      }
      this.#isScaled = true;
      this.#sum = scaleDown(this.#sum);
    }
    this.#sum = plus(
      this.#sum,
      Number.isFinite(part.high) ? scaleDown(part) : { high: scaledPart(), low: 0 },
    );
  }

  /** ±Infinity only if the sum itself is beyond float64. */
  get sum(): DoubleDouble {
    return this.#isScaled ? { high: this.#sum.high / scale, low: 0 } : this.#sum;
  }

  /** sum · factor / divisor: finite if that is within float64. */
  ratio(factor: number, divisor: number): number {
    const ratio = (this.sum.high * factor) / divisor;
    if (Number.isFinite(ratio)) return ratio;
    const { high } = this.#isScaled ? this.#sum : scaleDown(this.#sum);
    return (high * factor) / divisor / scale;
  }
}

const scaleDown = ({ high, low }: DoubleDouble): DoubleDouble => ({
  high: high * scale,
  low: low * scale,
});
