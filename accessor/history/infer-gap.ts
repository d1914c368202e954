// Which max_gap a signal gets that declares none: from the distances between its first samples.
// No I/O.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";

const second = 1e6;
const minute = 60 * second;
const hour = 60 * minute;
/** Round lengths of time, ascending; the first is also what is taken while nothing is known. */
export const inferredGapsUs: readonly number[] = [
  ...[1, 2, 5, 10, 15, 20, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 20, 30, 45].map((n) => n * minute),
  ...[1, 2, 3, 6, 12, 24].map((n) => n * hour),
];
/** A line bridges a sample that is missing, and a sample that comes late, but no two. */
const medians = 2.5;
/** So many distances are looked at. */
export const maxDistances = 16;

/** What is known of the rhythm of a signal: distances as they came, and its last sample. */
export type Rhythm = {
  readonly distancesUs: readonly number[];
  readonly lastUs: number | undefined;
};

export const unknownRhythm: Rhythm = Object.freeze({
  distancesUs: Object.freeze([]),
  lastUs: undefined,
});

/**
 * The rhythm after more samples, which come in order of time. Equal times, and samples older than
 * the last, say nothing; but as long as there is no distance they are put in order together, for
 * some send the newest first. The same rhythm if nothing was learned.
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
 * Of values that go on by themselves, a step's or a counter's, as long as there may be: 24 h. Of
 * others the smallest of `inferredGapsUs` that is at least 2.5 times the median distance (of an
 * even number, the lower one of the two in the middle): 1 s for anything from 2.5 Hz up, 30 s for a
 * sample each 10 s, 45 min for a quarter-hour meter. At most 24 h; 1 s without a distance.
 */
export function inferGapUs({ distancesUs }: Rhythm, sampleType: SampleType): number {
  if (sampleType === SampleType.STEP || sampleType === SampleType.COUNTER)
    return inferredGapsUs.at(-1)!;
  const sorted = distancesUs.toSorted((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  return inferredGapsUs.find((gapUs) => gapUs >= medians * median) ?? inferredGapsUs.at(-1)!;
}
