// A column of samples in memory: what batches carry, blocks pack and readers get. No I/O, no wire
// format.

/**
 * Samples of one signal of one machine, sorted by time; equal times keep the order in which they
 * were given. `timesUs[i]` is the time of `values[i]` in whole microseconds since
 * 1970-01-01T00:00:00Z (an exact integer, |t| < 2^53). Both arrays have the same length. Values are
 * finite; -0 and subnormals are kept bit for bit.
 */
export type Column = { readonly timesUs: Float64Array; readonly values: Float64Array };
