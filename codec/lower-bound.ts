// Binary search: where a time or a condition begins in sorted data.

/** Index of the first time that is not before `timeUs`; the length if there is none. */
export function lowerBound(timesUs: Float64Array, timeUs: number): number {
  let low = 0;
  let high = timesUs.length;
  if (high === 0 || timesUs[high - 1]! < timeUs) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timesUs[middle]! < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The same, from index `start` on. Its steps grow from there, so a place that is near costs little,
 * however long the column is.
 */
export function lowerBoundFrom(timesUs: Float64Array, timeUs: number, start: number): number {
  let low = start;
  let step = 1;
  while (low + step <= timesUs.length && timesUs[low + step - 1]! < timeUs) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step - 1, timesUs.length);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timesUs[middle]! < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The first index below `length` for which `isBefore` is false; `length` if there is none.
 * `isBefore` must not become true again after that.
 */
export function lowerIndex(length: number, isBefore: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
