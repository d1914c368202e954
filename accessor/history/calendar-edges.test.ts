// Calendars compared with a walk through the window that names the unit of each step.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Calendar, type CalendarUnit, calendarEdges } from "./calendar-edges.ts";

const stepUs = 15 * 60e6;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const toUs = (text: string) => Date.parse(text) * 1000;

// Since 1972 these zones have changed their clocks only at whole quarters of an hour; St John's
// (00:01) is apart, in calendar-odd-days.test.ts.
const zones = [
  "UTC",
  "Europe/Berlin",
  "Europe/London",
  "America/New_York",
  "America/Sao_Paulo",
  "America/Havana",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Asia/Beirut",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Chatham",
  "America/Asuncion",
  "Asia/Gaza",
];
// Starts near the changes of clocks, and anywhere.
const changes = [
  "2011-12-29",
  "2024-03-10",
  "2024-03-31",
  "2024-04-07",
  "2024-10-27",
  "2024-11-03",
  "2017-10-15",
  "2018-02-18",
  "2023-04-28",
  "2026-02-15",
  "2026-03-22",
  "2026-09-20",
  "2026-12-31",
];
const anyWindow = (mostSteps: number) =>
  fc
    .record({
      startUs: fc.oneof(
        fc
          .tuple(fc.constantFrom(...changes), fc.integer({ min: -200, max: 100 }))
          .map(([day, steps]) => toUs(day) + steps * stepUs),
        fc
          .integer({ min: toUs("1990-01-01") / stepUs, max: toUs("2035-01-01") / stepUs })
          .map((n) => n * stepUs),
      ),
      steps: fc.integer({ min: 1, max: mostSteps }),
      offsetUs: fc.integer({ min: 0, max: stepUs - 1 }),
    })
    .map(({ startUs, steps, offsetUs }) => ({
      fromUs: startUs + offsetUs,
      toUs: startUs + steps * stepUs + offsetUs,
    }));
const anyStart = fc.integer({ min: 0, max: 95 }).map((steps) => steps * 15 * minuteMs);
const anyCalendar: fc.Arbitrary<Omit<Calendar, "timeZone">> = fc.oneof(
  fc.record({
    unit: fc.constantFrom<CalendarUnit>("day", "week", "month", "quarter", "year"),
    startsMs: fc.oneof(fc.constant([0]), fc.tuple(anyStart)),
  }),
  fc.record({
    unit: fc.constant("shift" as const),
    // Also shifts that lie within the hour that clocks skip or repeat.
    startsMs: fc
      .uniqueArray(fc.oneof(anyStart, fc.constantFrom(2 * hourMs, 2.5 * hourMs, 23.5 * hourMs)), {
        minLength: 1,
        maxLength: 6,
      })
      .map((starts) => starts.sort((a, b) => a - b)),
  }),
);

/**
 * Which unit a clock is in by what it shows, as a text that is greater for a later unit: from the
 * words of another format, without an offset or an instant.
 */
function unitNamer({ timeZone, unit, startsMs = [0] }: Calendar): (us: number) => string {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    dateStyle: "short",
    timeStyle: "short",
  });
  return (us) => {
    // "01/03/2026, 08:15"
    const [, day, month, year, hour, minute] = /^(\d\d)\/(\d\d)\/(\d{4}), (\d\d):(\d\d)$/
      .exec(format.format(us / 1000))!
      .map(Number);
    const ofDayMs = (hour! * 60 + minute!) * minuteMs;
    const begun = startsMs.filter((startMs) => startMs <= ofDayMs).length;
    const date = new Date(Date.UTC(year!, month! - 1, day!));
    // Before the day's first start, a clock is still in the day before.
    if (begun === 0) date.setUTCDate(date.getUTCDate() - 1);
    const [ofYear, ofMonth] = [date.getUTCFullYear(), date.getUTCMonth()];
    if (unit === "year") return `${ofYear}`;
    if (unit === "quarter") return `${ofYear} ${Math.floor(ofMonth / 3)}`;
    if (unit === "month") return `${ofYear} ${String(ofMonth).padStart(2, "0")}`;
    // By its Monday, day by day.
    while (unit === "week" && date.getUTCDay() !== 1) date.setUTCDate(date.getUTCDate() - 1);
    const shift = begun === 0 ? startsMs.length : begun;
    return date.toISOString().slice(0, 10) + (unit === "shift" ? ` ${shift}` : "");
  };
}

/** Cuts at the first step that shows a later unit than any before. */
function walk(window: { fromUs: number; toUs: number }, calendar: Calendar): number[] {
  const nameAt = unitNamer(calendar);
  const edges = [window.fromUs];
  let last = "";
  // From a day before: what clocks have shown before they went back.
  const startUs = Math.floor(window.fromUs / stepUs) * stepUs - 24 * 3600e6;
  for (let us = startUs; us < window.toUs; us += stepUs) {
    const name = nameAt(us);
    if (us > window.fromUs && name > last) edges.push(us);
    if (name > last) last = name;
  }
  return [...edges, window.toUs];
}

describe("calendarEdges", () => {
  it("cuts wherever clocks first show a later unit", () => {
    fc.assert(
      fc.property(
        anyWindow(400),
        fc.constantFrom(...zones),
        anyCalendar,
        (window, timeZone, calendar) => {
          expect([
            ...calendarEdges({ ...window, timeZone, ...calendar, maxBuckets: 1_000 }),
          ]).toEqual(walk(window, { timeZone, ...calendar }));
        },
      ),
      { numRuns: 600 },
    );
  });

  it("cuts years as it cuts days", () => {
    fc.assert(
      fc.property(
        anyWindow(40_000),
        fc.constantFrom(...zones),
        fc.constantFrom<CalendarUnit>("week", "month", "quarter", "year"),
        anyStart,
        (window, timeZone, unit, startMs) => {
          const calendar = { timeZone, unit, startsMs: [startMs] };
          expect([...calendarEdges({ ...window, ...calendar, maxBuckets: 1_000 })]).toEqual(
            walk(window, calendar),
          );
        },
      ),
      { numRuns: 12 },
    );
  });
});
