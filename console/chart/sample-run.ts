// Samples of a series one by one, ascending by time, in arrays that grow up to a bound. Late ones
// find their place.
import { lowerBound } from "../../codec/lower-bound.ts";

export class SampleRun {
  #timesUs: Float64Array;
  #values: Float64Array;
  #length = 0;
  readonly #maxLength: number;

  constructor(maxLength = 65_536) {
    this.#maxLength = maxLength;
    this.#timesUs = new Float64Array(1_024);
    this.#values = new Float64Array(1_024);
  }

  get length(): number {
    return this.#length;
  }

  /** Views of the samples: valid until the next call of `add`. */
  get timesUs(): Float64Array {
    return this.#timesUs.subarray(0, this.#length);
  }

  get values(): Float64Array {
    return this.#values.subarray(0, this.#length);
  }

  /** Adds samples that are ascending among themselves; of equal times, these come later. */
  add(timesUs: Float64Array, values: Float64Array): void {
    const more = timesUs.length;
    if (more === 0) return;
    this.#makeRoom(more);
    const length = this.#length;
    if (length === 0 || timesUs[0]! >= this.#timesUs[length - 1]!) {
      this.#timesUs.set(timesUs, length);
      this.#values.set(values, length);
    } else this.#merge(timesUs, values);
    this.#length = length + more;
  }

  /** From the end, so that each sample moves once. */
  #merge(timesUs: Float64Array, values: Float64Array): void {
    let old = this.#length - 1;
    let fresh = timesUs.length - 1;
    for (let at = this.#length + timesUs.length - 1; fresh >= 0; at--) {
      if (old >= 0 && this.#timesUs[old]! > timesUs[fresh]!) {
        this.#timesUs[at] = this.#timesUs[old]!;
        this.#values[at] = this.#values[old]!;
        old--;
      } else {
        this.#timesUs[at] = timesUs[fresh]!;
        this.#values[at] = values[fresh]!;
        fresh--;
      }
    }
  }

  /** Grows, or forgets the older half when the bound is reached. */
  #makeRoom(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#timesUs.length) return;
    const over = needed - this.#maxLength;
    const drop = over > 0 ? Math.min(this.#length, Math.max(over, this.#length >> 1)) : 0;
    const size = Math.max(needed - drop, Math.min(this.#maxLength, 2 * this.#timesUs.length));
    this.#timesUs = moved(this.#timesUs.subarray(drop, this.#length), size);
    this.#values = moved(this.#values.subarray(drop, this.#length), size);
    this.#length -= drop;
  }

  /** Index of the first sample at or after a time. */
  indexFrom(timeUs: number): number {
    return lowerBound(this.timesUs, timeUs);
  }
}

function moved(from: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const next = new Float64Array(size);
  next.set(from);
  return next;
}
