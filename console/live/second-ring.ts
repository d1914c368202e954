// The last seconds of a series, one value a second: what a sparkline draws, however many samples
// there are.

/** Means of whole seconds, and the least and greatest value of each; NaN where nothing came. */
export type Seconds = {
  /** When the first second begins, in microseconds since 1970. */
  readonly fromUs: number;
  readonly mean: Float32Array;
  readonly min: Float32Array;
  readonly max: Float32Array;
};

/** Folds samples into seconds, and keeps the newest `length` of them. Times may come late. */
export class SecondRing {
  readonly length: number;
  readonly #sum: Float64Array;
  readonly #count: Uint32Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  /** Which second each slot holds. */
  readonly #second: Float64Array;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(length: number) {
    this.length = length;
    this.#sum = new Float64Array(length);
    this.#count = new Uint32Array(length);
    this.#min = new Float64Array(length);
    this.#max = new Float64Array(length);
    this.#second = new Float64Array(length).fill(Number.NEGATIVE_INFINITY);
  }

  add(timesUs: Float64Array, values: Float64Array): void {
    for (let i = 0; i < values.length; i++) this.#fold(Math.floor(timesUs[i]! / 1e6), values[i]!);
  }

  /** A second that is known already as a whole, such as from a bucket. */
  addSecond(startUs: number, { mean, min, max, count }: Whole): void {
    if (count === 0) return;
    const second = Math.floor(startUs / 1e6);
    this.#fold(second, min);
    const at = this.#slot(second);
    if (this.#second[at] !== second) return;
    this.#max[at] = Math.max(this.#max[at]!, max);
    this.#sum[at] = this.#sum[at]! - min + mean * count;
    this.#count[at] = this.#count[at]! - 1 + count;
  }

  #slot(second: number): number {
    return ((second % this.length) + this.length) % this.length;
  }

  #fold(second: number, value: number): void {
    const at = this.#slot(second);
    const held = this.#second[at]!;
    // Older than all that is kept.
    if (second < held || second <= this.#newest - this.length) return;
    if (second > this.#newest) this.#newest = second;
    if (held !== second) {
      this.#second[at] = second;
      this.#sum[at] = value;
      this.#count[at] = 1;
      this.#min[at] = value;
      this.#max[at] = value;
      return;
    }
    this.#sum[at]! += value;
    this.#count[at]! += 1;
    if (value < this.#min[at]!) this.#min[at] = value;
    if (value > this.#max[at]!) this.#max[at] = value;
  }

  /** The seconds up to the one of `untilUs`, oldest first. */
  read(untilUs: number): Seconds {
    const last = Math.floor(untilUs / 1e6);
    const first = last - this.length + 1;
    const [mean, min, max] = [0, 1, 2].map(() => new Float32Array(this.length).fill(Number.NaN));
    for (let i = 0; i < this.length; i++) {
      const at = this.#slot(first + i);
      if (this.#second[at] !== first + i) continue;
      mean![i] = this.#sum[at]! / this.#count[at]!;
      min![i] = this.#min[at]!;
      max![i] = this.#max[at]!;
    }
    return { fromUs: first * 1e6, mean: mean!, min: min!, max: max! };
  }
}

type Whole = { mean: number; min: number; max: number; count: number };
