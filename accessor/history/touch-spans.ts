// Divides a range of time into few spans of whole days, hours and minutes, for looking up what
// touched it.
import { floorTo, hourUs, minuteUs } from "./buckets-of-time.ts";

export const dayUs = 24 * hourUs;

/**
 * Units of width widthUs that start from fromUs up to, not including, toUs; both are multiples of
 * it, or infinite.
 */
export type TouchSpan = { widthUs: number; fromUs: number; toUs: number };

/**
 * Spans that cover [fromUs, toUs), extended at most to whole minutes at its ends: about 2 × (59 +
 * 23) rows, plus one per day. An open end is covered by days.
 */
export function touchSpans(fromUs: number, toUs: number): TouchSpan[] {
  const spans: TouchSpan[] = [];
  const ends = {
    from: roundTo(fromUs, minuteUs, Math.floor),
    to: roundTo(toUs, minuteUs, Math.ceil),
  };
  const add = (widthUs: number, start: number, end: number) => {
    if (start < end) spans.push({ widthUs, fromUs: start, toUs: end });
  };
  // From the outside in: minutes up to whole hours, hours up to whole days, days between.
  let { from, to } = ends;
  for (const [widthUs, wider] of [
    [minuteUs, hourUs],
    [hourUs, dayUs],
  ] as const) {
    const innerFrom = roundTo(from, wider, Math.ceil);
    const innerTo = roundTo(to, wider, Math.floor);
    if (innerFrom >= innerTo) {
      add(widthUs, from, to);
      return spans;
    }
    add(widthUs, from, innerFrom);
    add(widthUs, innerTo, to);
    [from, to] = [innerFrom, innerTo];
  }
  add(dayUs, from, to);
  return spans;
}

function roundTo(timeUs: number, widthUs: number, round: (value: number) => number): number {
  return Number.isFinite(timeUs) ? round(timeUs / widthUs) * widthUs : timeUs;
}

/** The start of the minute that contains a time. */
export const minuteOf = (timeUs: number): number => floorTo(timeUs, minuteUs);
