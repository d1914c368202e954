// What an integer stream subtracts before packing. This file has the encoder's half (residuals);
// int-stream-decode.ts has the decoder's.

/**
 * Predictor codes of an integer stream. `none` predicts 0. `ema + k` (k = 0..7) predicts an
 * exponential average that moves by residual >> k, so `ema + 0` is plain deltas. `linear` predicts
 * that the last difference repeats. `zero`: all are 0.
 */
export const predictor = { none: 0, ema: 1, linear: 9, zero: 15 } as const;

/** A running prediction, kept from one group to the next. */
export type Prediction = { value: number; trend: number };

/**
 * Writes x[from..from+length) minus its prediction into `out`, modulo 2^32, and moves `state` on.
 */
export function toResiduals(
  x: Int32Array,
  out: Int32Array,
  options: { code: number; from: number; length: number; state: Prediction },
): void {
  const { code, from, length, state } = options;
  let value = state.value;
  if (code === predictor.none) {
    for (let i = 0; i < length; i++) out[i] = x[from + i]!;
    return;
  }
  if (code === predictor.linear) {
    let trend = state.trend;
    for (let i = 0; i < length; i++) {
      const residual = (x[from + i]! - value - trend) | 0;
      out[i] = residual;
      trend = (trend + residual) | 0;
      value = x[from + i]!;
    }
    state.trend = trend;
  } else {
    const shift = code - predictor.ema;
    for (let i = 0; i < length; i++) {
      const residual = (x[from + i]! - value) | 0;
      out[i] = residual;
      value = (value + (residual >> shift)) | 0;
    }
  }
  state.value = value;
}
