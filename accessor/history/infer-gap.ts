// Infers the max_gap of a signal that declares none from the distances between its first samples.
// No I/O.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";

const second = 1e6;
const minute = 60 * second;
const hour = 60 * minute;
/** Round durations, ascending; the first also applies while nothing is known. */
export const inferredGapsUs: readonly number[] = [
  ...[1, 2, 5, 10, 15, 20, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 20, 30, 45].map((n) => n * minute),
  ...[1, 2, 3, 6, 12, 24].map((n) => n * hour),
];
/** A line bridges one missing sample and one late sample, but not two missing ones. */
const medians = 2.5;
/** How many distances are used. */
export const maxDistances = 16;

/** The known rhythm of a signal: distances in order of arrival, and its last sample. */
export type Rhythm = {
  readonly distancesUs: readonly number[];
  readonly lastUs: number | undefined;
};

export const unknownRhythm: Rhythm = Object.freeze({
  distancesUs: Object.freeze([]),
  lastUs: undefined,
});

/**
 * The rhythm after more samples, which are in order of time. Equal times, and samples older than
 * the last, are ignored; but as long as there is no distance they are sorted together, since some
 * producers send the newest first. Returns the same rhythm if nothing was learned.
 */
export function learn(rhythm: Rhythm, timesUs: ArrayLike<number>): Rhythm {
  if (rhythm.distancesUs.length >= maxDistances) return rhythm;
  const distancesUs = [...rhythm.distancesUs];
  let { lastUs } = rhythm;
  if (lastUs !== undefined && distancesUs.length === 0 && timesUs[0]! < lastUs)
    return learn(unknownRhythm, Float64Array.from([...Array.from(timesUs), lastUs]).sort());
  for (let i = 0; i < timesUs.length && distancesUs.length < maxDistances; i++) {
    const timeUs = timesUs[i]!;
    if (lastUs !== undefined && timeUs <= lastUs) continue;
    if (lastUs !== undefined) distancesUs.push(timeUs - lastUs);
    lastUs = timeUs;
  }
  return lastUs === rhythm.lastUs ? rhythm : { distancesUs, lastUs };
}

/**
 * For values that hold by themselves, a step's or a counter's, the longest allowed: 24 h. For
 * others, the smallest of `inferredGapsUs` that is at least 2.5 times the median distance (for an
 * even number, the lower of the two in the middle): 1 s for anything from 2.5 Hz up, 30 s for a
 * sample each 10 s, 45 min for a quarter-hour meter. At most 24 h; 1 s without a distance.
 */
export function inferGapUs({ distancesUs }: Rhythm, sampleType: SampleType): number {
  if (sampleType === SampleType.STEP || sampleType === SampleType.COUNTER)
    return inferredGapsUs.at(-1)!;
  const sorted = distancesUs.toSorted((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  return inferredGapsUs.find((gapUs) => gapUs >= medians * median) ?? inferredGapsUs.at(-1)!;
}
