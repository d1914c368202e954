// Where shifts, days, weeks, months, quarters and years begin in a time zone.
import { dayMs } from "../../codec/local-clock.ts";
import { assertBucketCount, assertWindow } from "./bucket-edges.ts";
import type { Window } from "./line-area.ts";
import { createLocalClock } from "./local-clock.ts";

export type CalendarUnit = "shift" | "day" | "week" | "month" | "quarter" | "year";

export type Calendar = {
  /** IANA name. */
  readonly timeZone: string;
  readonly unit: CalendarUnit;
  /**
   * Local times of the day, in milliseconds after its midnight, ascending: when each shift begins;
   * otherwise one, when the unit's first day begins. Default: midnight.
   */
  readonly startsMs?: readonly number[];
};

/** Most days of each unit. */
const mostDays = { day: 1, week: 7, month: 31, quarter: 92, year: 366 };
const monthsOf = { month: 1, quarter: 3, year: 12 };

/**
 * Edges of the calendar's units in `[fromUs, toUs)`: the window, cut wherever a unit begins, which
 * is the first instant at which the zone's clocks show its start or a later time. So days may have
 * 23 or 25 h. If clocks skip a start, the unit begins when they jump; if a start occurs twice, the
 * first one counts; and a unit that is skipped as a whole (in Apia the date 2011-12-30) has no
 * bucket. Weeks begin on Monday. Throws BucketEdgesError (`empty_window`, `unknown_time_zone`,
 * `too_many_buckets`).
 */
export function calendarEdges(
  options: Window & Calendar & { readonly maxBuckets: number },
): Float64Array {
  const { fromUs, toUs, timeZone, unit, startsMs = [0], maxBuckets } = options;
  assertWindow(options);
  const clock = createLocalClock(timeZone);
  const afterMs = clock.localAt(Math.floor(fromUs / 1000));
  // If clocks went back before the end, they have shown later times before, by at most a day.
  const throughMs = clock.localAt(Math.floor((toUs - 1) / 1000)) + dayMs;
  // Bounds the work; the count below is the exact one.
  const days = Math.floor((throughMs - afterMs) / dayMs) - 1;
  const least = unit === "shift" ? days * startsMs.length : Math.floor(days / mostDays[unit]);
  assertBucketCount(least, maxBuckets);
  const edgesUs = [fromUs];
  for (const localMs of localStarts({ unit, startsMs }, { afterMs, throughMs })) {
    const startUs = clock.firstInstantOf(localMs) * 1000;
    if (startUs > edgesUs.at(-1)! && startUs < toUs) edgesUs.push(startUs);
  }
  edgesUs.push(toUs);
  assertBucketCount(edgesUs.length - 1, maxBuckets);
  return Float64Array.from(edgesUs);
}

/** Local times at which a unit begins, after one time and up to another, ascending. */
function* localStarts(
  { unit, startsMs }: Required<Pick<Calendar, "unit" | "startsMs">>,
  { afterMs, throughMs }: { afterMs: number; throughMs: number },
): Generator<number> {
  const dates =
    unit === "shift" || unit === "day" || unit === "week"
      ? stepsOf(unit)
      : monthStepsOf(monthsOf[unit]);
  for (let place = dates.placeOf(afterMs); dates.dateAt(place) <= throughMs; place++) {
    for (const startMs of startsMs) {
      const localMs = dates.dateAt(place) + startMs;
      if (localMs > afterMs && localMs <= throughMs) yield localMs;
    }
  }
}

/**
 * The first date of a unit by its number, and the number of the unit that contains a local time.
 */
type Steps = { placeOf(localMs: number): number; dateAt(place: number): number };

function stepsOf(unit: "shift" | "day" | "week"): Steps {
  const widthMs = unit === "week" ? 7 * dayMs : dayMs;
  // 1970-01-05 was a Monday.
  const firstMs = unit === "week" ? 4 * dayMs : 0;
  return {
    placeOf: (localMs) => Math.floor((localMs - firstMs) / widthMs),
    dateAt: (place) => firstMs + place * widthMs,
  };
}

function monthStepsOf(months: number): Steps {
  return {
    placeOf(localMs) {
      const date = new Date(localMs);
      return Math.floor((date.getUTCFullYear() * 12 + date.getUTCMonth()) / months);
    },
    dateAt: (place) => Date.UTC(Math.floor((place * months) / 12), (place * months) % 12),
  };
}
