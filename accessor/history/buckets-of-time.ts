// How the history is cut in time: a minute for dense series, an hour for sparse ones; roll-ups by
// the hour.
import type { Rhythm } from "./infer-gap.ts";

export const minuteUs = 60_000_000;
export const hourUs = 3_600_000_000;

/**
 * Most samples in a block: short enough to decode at once for a page, long enough that its row
 * costs little.
 */
export const maxBlockSamples = 8_192;

// A minute of 0.5 Hz would be a block of 30 samples, whose row costs more than they do.
const maxDenseGapUs = 2_000_000;

/** Of a series: how wide its buckets are, if fixed, and what they are chosen by. */
type Declared = {
  readonly bucketUs: number | undefined;
  readonly maxGapUs: number | undefined;
  readonly rhythm: Rhythm | undefined;
};

/** How wide the buckets of a series are at most. */
export const bucketWidthUs = ({ bucketUs = hourUs }: { bucketUs: number | undefined }): number =>
  bucketUs;

/**
 * Width of the buckets of a series, fixed when it is compacted for the first time: minutes if its
 * samples are known to come densely.
 */
export function chooseBucketUs({ bucketUs, maxGapUs = 0, rhythm }: Declared): number {
  if (bucketUs !== undefined) return bucketUs;
  const isKnown = rhythm === undefined || rhythm.distancesUs.length > 0;
  return isKnown && maxGapUs <= maxDenseGapUs ? minuteUs : hourUs;
}

export function floorTo(timeUs: number, widthUs: number): number {
  return Math.floor(timeUs / widthUs) * widthUs;
}
