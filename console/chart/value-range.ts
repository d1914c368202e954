// The range of a value axis: round, calm, and with 0 where 0 has a meaning.

export type ValueRange = { readonly low: number; readonly high: number; readonly step: number };

/** The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least `least`. */
export function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 2.5, 5].find((part) => part * power >= least * (1 - 1e-9)) ?? 10) * power;
}

/**
 * A range with at most `parts` steps that holds both values. It keeps the old one while that holds
 * them too and is not much too large, so that the axis does not jump with every sample.
 */
export function valueRange(
  least: number,
  most: number,
  { withZero, parts = 4, old }: { withZero: boolean; parts?: number; old?: ValueRange | undefined },
): ValueRange {
  if (!(least <= most)) return old ?? { low: 0, high: 1, step: 0.25 };
  let [low, high] = withZero ? [Math.min(0, least), Math.max(0, most)] : [least, most];
  // Values that differ by less than numbers can tell apart in steps are drawn as one.
  if (high - low <= Math.max(Math.abs(low), Math.abs(high), 1e-290) * 1e-9) {
    const around = Math.max(Math.abs(low), Math.abs(high)) || 1;
    const wider = Math.max(around / 10, 1e-280);
    [low, high] = withZero
      ? [Math.min(0, low), Math.max(high, wider)]
      : [low - wider, high + wider];
  }
  const holds = old !== undefined && old.low <= low && old.high >= high;
  if (holds && high - low > 0.45 * (old.high - old.low)) return old;
  let step = roundStep((high - low) / parts);
  // Ends that are no multiples of the step need one part more, and so a larger step: once or twice.
  for (let tries = 0; tries < 4; tries++, step = roundStep(step * 1.01)) {
    const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
    if (last - first <= parts) return { low: first * step, high: last * step, step };
  }
  return { low, high, step: (high - low) / parts };
}

/** The values that are labelled. */
export function labelsOf({ low, high, step }: ValueRange): number[] {
  const count = Math.round((high - low) / step);
  return Array.from({ length: count + 1 }, (_, i) => low + i * step);
}

/** A label with as many decimals as the step needs. */
export function labelText(value: number, step: number): string {
  const size = Math.max(Math.abs(value), step);
  if (size >= 1e6 || size < 1e-4) return value === 0 ? "0" : value.toExponential(1);
  const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  const needed = Number.isInteger(Number((step * 10 ** decimals).toFixed(6)))
    ? decimals
    : decimals + 1;
  return value.toFixed(needed).replace("-", "−");
}
