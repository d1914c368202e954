// How block is divided into partitions: one per week for recent times, one per 52 weeks before
// that, so that old times, however many, need few.
import { lowerIndex } from "../../codec/lower-bound.ts";
import { floorTo } from "../history/buckets-of-time.ts";

/** Half-open. */
export type Span = { fromUs: number; toUs: number };

export const dayUs = 86_400_000_000;
/** Weeks begin on Thursdays, as 1970 did. */
export const weekUs = 7 * dayUs;
export const wideUs = 52 * weekUs;
/** Newer blocks are in partitions of a week. */
const weeklyUs = 53 * weekUs;

/** Start of the weekly partitions: before it, each partition covers 52 weeks. */
export function wideBeforeUs(nowUs: number): number {
  return floorTo(nowUs - weeklyUs, wideUs);
}

/**
 * block_20260108 is the week from that day on, block_20240104_20250102 the time between two days.
 */
export function nameOf({ fromUs, toUs }: Span): string {
  return toUs - fromUs === weekUs ? `block_${day(fromUs)}` : `block_${day(fromUs)}_${day(toUs)}`;
}

export function spanOf(name: string): Span {
  const [, from, to] = /^block_(\d{8})(?:_(\d{8}))?$/.exec(name) ?? [];
  if (from === undefined) throw new Error(`${name} is not named as a partition of block`);
  const fromUs = timeOf(from);
  return { fromUs, toUs: to === undefined ? fromUs + weekUs : timeOf(to) };
}

/**
 * The partition to make for a bucket: as wide as its time and the existing partitions (ascending,
 * none of which contains the bucket) permit.
 */
export function planSpan(bucketUs: number, taken: readonly Span[], nowUs: number): Span {
  const fromUs = floorTo(bucketUs, weekUs);
  if (fromUs >= wideBeforeUs(nowUs)) return { fromUs, toUs: fromUs + weekUs };
  const span = { fromUs: floorTo(bucketUs, wideUs), toUs: floorTo(bucketUs, wideUs) + wideUs };
  const at = firstAfter(taken, bucketUs);
  if (at > 0) span.fromUs = Math.max(span.fromUs, taken[at - 1]!.toUs);
  if (at < taken.length) span.toUs = Math.min(span.toUs, taken[at]!.fromUs);
  return span;
}

/** The span (of ascending, disjoint spans) that contains a time. */
export function spanAt(spans: readonly Span[], timeUs: number): Span | undefined {
  const before = spans[firstAfter(spans, timeUs) - 1];
  return before !== undefined && timeUs < before.toUs ? before : undefined;
}

/**
 * The parts of a range that lie in any span, as ranges that touch at most this many spans each;
 * ascending.
 */
export function groupSpans(spans: readonly Span[], { fromUs, toUs }: Span, most: number): Span[] {
  const reached = spans.filter((span) => span.fromUs < toUs && fromUs < span.toUs);
  return Array.from({ length: Math.ceil(reached.length / most) }, (_, i) => ({
    fromUs: Math.max(fromUs, reached[i * most]!.fromUs),
    toUs: Math.min(toUs, reached[Math.min(reached.length, (i + 1) * most) - 1]!.toUs),
  }));
}

/** How many begin at or before a time. */
function firstAfter(spans: readonly Span[], timeUs: number): number {
  return lowerIndex(spans.length, (i) => spans[i]!.fromUs <= timeUs);
}

function day(timeUs: number): string {
  return new Date(timeUs / 1000).toISOString().slice(0, 10).replaceAll("-", "");
}

function timeOf(digits: string): number {
  return (
    Date.UTC(Number(digits.slice(0, 4)), Number(digits.slice(4, 6)) - 1, Number(digits.slice(6))) *
    1000
  );
}
