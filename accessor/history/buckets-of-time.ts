// How the history is cut in time: a minute for dense series, an hour for sparse ones; roll-ups by
// the hour.
import type { Series } from "../store/catalog.ts";

export const minuteUs = 60_000_000;
export const hourUs = 3_600_000_000;

/**
 * Most samples in a block: short enough to decode at once for a page, long enough that its row
 * costs little.
 */
export const maxBlockSamples = 8_192;

// A minute of 0.5 Hz would be a block of 30 samples, whose row costs more than they do.
const maxDenseGapUs = 2_000_000;

/** Width of the buckets of a series. Fixed by its declaration. */
export function bucketWidthUs({ maxGapUs = 0 }: Pick<Series, "maxGapUs">): number {
  return maxGapUs <= maxDenseGapUs ? minuteUs : hourUs;
}

export function floorTo(timeUs: number, widthUs: number): number {
  return Math.floor(timeUs / widthUs) * widthUs;
}
