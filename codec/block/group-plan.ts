// Decides how one group of residuals is packed: width, centre and which few to patch. Used by the
// encoder only; writes no bytes.

/** Samples per group of an integer stream; only the last group of a stream may be shorter. */
export const groupSize = 128;

/**
 * Width in bits, centre, and how many residuals do not fit; `costBits` is what the group will take.
 */
export type GroupPlan = { width: number; centre: number; patches: number; costBits: number };

const histogram = new Int32Array(33);

/** Half of a width's range: the distance between a group's smallest packed value and its centre. */
export function halfRange(width: number): number {
  return width === 0 ? 0 : 1 << (width - 1);
}

/** Bytes of a centre as a signed varint; 0 if it is the default. */
function centreBits(centre: number): number {
  if (centre === 0) return 0;
  const bits = 33 - Math.clz32(centre ^ (centre >> 31));
  return 8 * Math.ceil(bits / 7);
}

/**
 * Plans the first `length` residuals. Either all of [min, max] fits the width, or the width covers
 * the values around a robust centre, and each other value is patched with one position byte plus
 * its missing bits: an outlier widens nothing.
 */
export function planGroup(residuals: Int32Array, length: number, plan: GroupPlan): void {
  let min = residuals[0]!;
  let max = min;
  let medianSum = 0;
  let magnitude = 0;
  let i = 0;
  // Means of medians of three: close to the mean for noise, yet blind to lone outliers.
  for (; i + 2 < length; i += 3) {
    const a = residuals[i]!;
    const b = residuals[i + 1]!;
    const c = residuals[i + 2]!;
    const low = Math.min(a, b);
    const high = Math.max(a, b);
    const median = c < low ? low : Math.min(c, high);
    if (low < min) min = low;
    if (c < min) min = c;
    if (high > max) max = high;
    if (c > max) max = c;
    medianSum += median;
    magnitude += median < 0 ? -median : median;
  }
  for (; i < length; i++) {
    const a = residuals[i]!;
    if (a < min) min = a;
    if (a > max) max = a;
  }
  // No patches: the width of max - min, about 0 if that is as narrow, else about their middle.
  const rangeWidth = 32 - Math.clz32(max - min);
  const half = halfRange(rangeWidth);
  const middle = rangeWidth === 32 || (min >= -half && max < half) ? 0 : (min + half) | 0;
  plan.width = rangeWidth;
  plan.centre = middle;
  plan.patches = 0;
  plan.costBits = length * rangeWidth + centreBits(middle) + 8;
  if (rangeWidth === 0) return;

  const triples = (length / 3) | 0;
  const offCentre = triples > 0 && Math.abs(medianSum) * 3 > magnitude;
  const centre = offCentre ? Math.round(medianSum / triples) | 0 : 0;
  histogram.fill(0);
  for (let j = 0; j < length; j++) {
    const s = (residuals[j]! - centre) | 0;
    histogram[s === 0 ? 0 : 33 - Math.clz32(s ^ (s >> 31))]!++;
  }
  let top = 32;
  while (top > 0 && histogram[top] === 0) top--;
  const overhead = 8 + centreBits(centre);
  let outside = 0;
  for (let width = top; width >= 0; width--) {
    const cost = width * length + overhead + (outside === 0 ? 0 : 16 + outside * (8 + top - width));
    if (cost < plan.costBits && outside < length) {
      plan.width = width;
      plan.centre = centre;
      plan.patches = outside;
      plan.costBits = cost;
    }
    outside += histogram[width]!;
  }
}
