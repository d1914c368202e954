// Samples of a series folded into buckets of one width, at multiples of it since 1970: least,
// greatest and mean value of each. Filled from an answer, and then by live samples, also late ones.

export class SeriesGrid {
  readonly originUs: number;
  readonly widthUs: number;
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;

  /** `originUs` and the length of the range must be multiples of the width. */
  constructor({ fromUs, toUs, widthUs }: { fromUs: number; toUs: number; widthUs: number }) {
    const length = Math.max(1, Math.round((toUs - fromUs) / widthUs));
    this.originUs = fromUs;
    this.widthUs = widthUs;
    this.count = new Float64Array(length);
    this.sum = new Float64Array(length);
    this.min = new Float64Array(length).fill(Number.POSITIVE_INFINITY);
    this.max = new Float64Array(length).fill(Number.NEGATIVE_INFINITY);
  }

  get length(): number {
    return this.count.length;
  }

  /** Index of the bucket that has this time; may lie outside. */
  indexOf(timeUs: number): number {
    return Math.floor((timeUs - this.originUs) / this.widthUs);
  }

  startOf(index: number): number {
    return this.originUs + index * this.widthUs;
  }

  /** A bucket of an answer. */
  put(startUs: number, { count, mean, min, max }: BucketValues): void {
    const at = this.indexOf(startUs);
    if (at < 0 || at >= this.length || count === 0) return;
    this.count[at]! += count;
    this.sum[at]! += mean * count;
    if (min < this.min[at]!) this.min[at] = min;
    if (max > this.max[at]!) this.max[at] = max;
  }

  /** Live samples. Those outside the range are left out. */
  add(timesUs: Float64Array, values: Float64Array): void {
    const { length } = this;
    for (let i = 0; i < values.length; i++) {
      const at = Math.floor((timesUs[i]! - this.originUs) / this.widthUs);
      if (at < 0 || at >= length) continue;
      const value = values[i]!;
      this.count[at]! += 1;
      this.sum[at]! += value;
      if (value < this.min[at]!) this.min[at] = value;
      if (value > this.max[at]!) this.max[at] = value;
    }
  }

  /** NaN where the bucket has no sample. */
  meanOf(index: number): number {
    const count = this.count[index] ?? 0;
    return count === 0 ? Number.NaN : this.sum[index]! / count;
  }
}

export type BucketValues = { count: number; mean: number; min: number; max: number };
