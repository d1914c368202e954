// Where calendar days begin in a time zone, by Intl alone (Node 24 has no Temporal).
import { assertBucketCount, assertWindow, BucketEdgesError } from "./bucket-edges.ts";
import type { Window } from "./line-area.ts";

const dayMs = 86_400_000;

/**
 * Edges of the calendar days of `[fromUs, toUs)` in an IANA time zone: the window, cut wherever a
 * day begins there. Days of 23 or 25 h come out as such; where clocks skip midnight, the day begins
 * with the first instant after it; where midnight comes twice, with the first; a date a zone left
 * out (Apia, 2011-12-30) has no bucket. Throws BucketEdgesError (`empty_window`,
 * `unknown_time_zone`, `too_many_buckets`).
 */
export function dayEdges(options: Window & { readonly timeZone: string; readonly maxBuckets: number }): Float64Array {
  const { fromUs, toUs, timeZone, maxBuckets } = options;
  assertWindow(options);
  const offsetMs = createOffset(timeZone);
  const firstMs = localMidnight(Math.floor(fromUs / 1000), offsetMs);
  const lastMs = localMidnight(Math.floor((toUs - 1) / 1000), offsetMs);
  // Bounds the work; a zone may leave out a date, and the count below is the exact one.
  assertBucketCount((lastMs - firstMs) / dayMs, maxBuckets);
  // The day after is tried too: where clocks go back from 00:01 to 23:01 (St John's), it began
  // before this one ended.
  const edgesUs = [fromUs];
  for (let midnightMs = firstMs; midnightMs <= lastMs + dayMs; midnightMs += dayMs) {
    const startUs = startOfDay(midnightMs, offsetMs) * 1000;
    if (startUs > edgesUs.at(-1)! && startUs < toUs) edgesUs.push(startUs);
  }
  edgesUs.push(toUs);
  assertBucketCount(edgesUs.length - 1, maxBuckets);
  return Float64Array.from(edgesUs);
}

/** The date at an instant, as its midnight would be in UTC. */
function localMidnight(instantMs: number, offsetMs: (instantMs: number) => number): number {
  return Math.floor((instantMs + offsetMs(instantMs)) / dayMs) * dayMs;
}

/** The first instant of a date, given as its midnight would be in UTC. */
function startOfDay(midnightMs: number, offsetMs: (instantMs: number) => number): number {
  // No zone is further than 15 h from UTC, so these two offsets are the ones before and after any
  // change near midnight.
  const before = offsetMs(midnightMs - dayMs);
  const after = offsetMs(midnightMs + dayMs);
  // Where both fit, the clocks went back, and the one before gives the earlier instant.
  for (const offset of [before, after]) {
    if (offsetMs(midnightMs - offset) === offset) return midnightMs - offset;
  }
  // Midnight was skipped: the day begins when the clocks jump, which lies in the hour (or day) that
  // was lost.
  let [low, high] = [midnightMs - after, midnightMs - before];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** Offset of local time from UTC at an instant, both in milliseconds. */
function createOffset(timeZone: string): (instantMs: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (cause) {
    throw new BucketEdgesError("unknown_time_zone", `time zone ${JSON.stringify(timeZone)} is not known`, { cause });
  }
  return (instantMs) => {
    const wholeMs = Math.floor(instantMs / 1000) * 1000;
    const at: Record<string, number> = {};
    for (const part of format.formatToParts(wholeMs)) at[part.type] = Number(part.value);
    return Date.UTC(at["year"]!, at["month"]! - 1, at["day"]!, at["hour"]!, at["minute"]!, at["second"]!) - wholeMs;
  };
}
