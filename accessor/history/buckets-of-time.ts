// How the history is divided in time: by the minute for dense series, by the hour for sparse ones
// and for roll-ups.
import type { Rhythm } from "./infer-gap.ts";

export const minuteUs = 60_000_000;
export const hourUs = 3_600_000_000;

/**
 * Most samples in a block: small enough to decode at once for a page, large enough that its row
 * costs little.
 */
export const maxBlockSamples = 8_192;

// A minute at 0.5 Hz would be a block of 30 samples, whose row takes more space than the samples.
const maxDenseGapUs = 2_000_000;

/** The bucket width of a series, if fixed, and the values that it is chosen by. */
type Declared = {
  readonly bucketUs: number | undefined;
  readonly maxGapUs: number | undefined;
  readonly rhythm: Rhythm | undefined;
};

/** The largest width of the buckets of a series. */
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
