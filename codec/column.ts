// A column of samples in memory: what batches contain, blocks pack and readers get. No I/O, no wire
// format.

/**
 * Samples of one signal of one machine, sorted by time; equal times keep the order in which they
 * were given. `timesUs[i]` is the time of `values[i]` in whole microseconds since
 * 1970-01-01T00:00:00Z (an exact integer, |t| < 2^53). Both arrays have the same length. Values are
 * finite; -0 and subnormals are kept bit for bit.
 */
export type Column = { readonly timesUs: Float64Array; readonly values: Float64Array };

/** A column of zeros, to be filled. */
export function newColumn(count: number): Column {
  return { timesUs: new Float64Array(count), values: new Float64Array(count) };
}

/** The samples from index `start` up to, not including, `end`: a view, not a copy. */
export function sliceColumn({ timesUs, values }: Column, start: number, end: number): Column {
  return { timesUs: timesUs.subarray(start, end), values: values.subarray(start, end) };
}

/** Concatenates columns into new arrays. */
export function concatColumns(columns: readonly Column[]): Column {
  const whole = newColumn(columns.reduce((sum, { timesUs }) => sum + timesUs.length, 0));
  let offset = 0;
  for (const { timesUs, values } of columns) {
    whole.timesUs.set(timesUs, offset);
    whole.values.set(values, offset);
    offset += timesUs.length;
  }
  return whole;
}
