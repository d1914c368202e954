// Calendar days against a walk through the window in steps of 15 minutes, and the odd days of real
// zones.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dayEdges } from "./day-edges.ts";

const stepUs = 15 * 60e6;
const toUs = (text: string) => Date.parse(text) * 1000;
const toText = (edgesUs: Float64Array) =>
  [...edgesUs].map((us) => new Date(us / 1000).toISOString().replace(":00.000", ""));

// Since 1972 these zones have changed their clocks only at whole quarters of an hour; St John's
// (00:01) is apart below.
const zones = [
  ...["UTC", "Europe/Berlin", "Europe/London", "America/New_York", "America/Sao_Paulo", "America/Havana"],
  ...[
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Asuncion",
  ],
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
];
const anyWindow = fc
  .record({
    startUs: fc.oneof(
      fc
        .tuple(fc.constantFrom(...changes), fc.integer({ min: -200, max: 100 }))
        .map(([day, steps]) => toUs(day) + steps * stepUs),
      fc.integer({ min: toUs("1990-01-01") / stepUs, max: toUs("2035-01-01") / stepUs }).map((n) => n * stepUs),
    ),
    steps: fc.integer({ min: 1, max: 400 }),
    offsetUs: fc.integer({ min: 0, max: stepUs - 1 }),
  })
  .map(({ startUs, steps, offsetUs }) => ({ fromUs: startUs + offsetUs, toUs: startUs + steps * stepUs + offsetUs }));

/** Cuts at the first step that shows a later date than any before. */
function walk(window: { fromUs: number; toUs: number }, timeZone: string): number[] {
  const format = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  const edges = [window.fromUs];
  let date = format.format(window.fromUs / 1000);
  for (let us = Math.ceil((window.fromUs + 1) / stepUs) * stepUs; us < window.toUs; us += stepUs) {
    const next = format.format(us / 1000);
    if (next > date) edges.push(us);
    if (next > date) date = next;
  }
  return [...edges, window.toUs];
}

describe("dayEdges", () => {
  it("cuts wherever a new date begins", () => {
    fc.assert(
      fc.property(anyWindow, fc.constantFrom(...zones), (window, timeZone) => {
        expect([...dayEdges({ ...window, timeZone, maxBuckets: 10 })]).toEqual(walk(window, timeZone));
      }),
      { numRuns: 400 },
    );
  });

  it("has days of 23 and 25 hours", () => {
    const hours = (from: string, to: string) => {
      const edgesUs = dayEdges({ fromUs: toUs(from), toUs: toUs(to), timeZone: "Europe/Berlin", maxBuckets: 3 });
      return [...edgesUs].slice(1).map((edgeUs, i) => (edgeUs - edgesUs[i]!) / 3600e6);
    };
    expect(hours("2024-03-29T23:00Z", "2024-04-01T22:00Z")).toEqual([24, 23, 24]);
    expect(hours("2024-10-25T22:00Z", "2024-10-28T23:00Z")).toEqual([24, 25, 24]);
  });

  it.each([
    [
      "a skipped midnight",
      "America/Sao_Paulo",
      "2017-10-14T12:00Z",
      "2017-10-16T12:00Z",
      ["2017-10-15T03:00Z", "2017-10-16T02:00Z"],
    ],
    [
      "midnight twice",
      "America/Havana",
      "2024-11-02T12:00Z",
      "2024-11-04T12:00Z",
      ["2024-11-03T04:00Z", "2024-11-04T05:00Z"],
    ],
    [
      "a skipped date",
      "Pacific/Apia",
      "2011-12-29T12:00Z",
      "2012-01-01T00:00Z",
      ["2011-12-30T10:00Z", "2011-12-31T10:00Z"],
    ],
    [
      "back from 00:01 to 23:01",
      "America/St_Johns",
      "2010-11-06T12:00Z",
      "2010-11-08T12:00Z",
      ["2010-11-07T02:30Z", "2010-11-08T03:30Z"],
    ],
  ])("knows %s", (_, timeZone, from, to, cuts) => {
    const edgesUs = dayEdges({ fromUs: toUs(from), toUs: toUs(to), timeZone, maxBuckets: 10 });
    expect(toText(edgesUs.subarray(1, -1))).toEqual(cuts);
    // Also for windows that begin or end within the repeated hour.
    const lateUs = toUs(cuts[0]!) + 20 * 60e6;
    const late = dayEdges({ fromUs: lateUs, toUs: toUs(to), timeZone, maxBuckets: 10 });
    expect(toText(late.subarray(1, -1))).toEqual(cuts.slice(1));
    const early = dayEdges({ fromUs: toUs(from), toUs: lateUs, timeZone, maxBuckets: 10 });
    expect(toText(early.subarray(1, -1))).toEqual(cuts.slice(0, 1));
  });

  it("bounds the days before it looks for them, and knows no made-up zone", () => {
    const window = { fromUs: toUs("1700-01-01"), toUs: toUs("2250-01-01") };
    expect(() => dayEdges({ ...window, timeZone: "UTC", maxBuckets: 1000 })).toThrow(
      expect.objectContaining({ reason: "too_many_buckets", message: expect.stringMatching(/^200882 /) }),
    );
    expect(() => dayEdges({ ...window, timeZone: "Mars/Olympus", maxBuckets: 1e6 })).toThrow(
      expect.objectContaining({ reason: "unknown_time_zone" }),
    );
    const twoDays = { fromUs: toUs("2024-05-01T12:00Z"), toUs: toUs("2024-05-02T12:00Z") };
    expect(dayEdges({ ...twoDays, timeZone: "UTC", maxBuckets: 2 }).length).toBe(3);
    expect(() => dayEdges({ ...twoDays, timeZone: "UTC", maxBuckets: 1 })).toThrow(
      expect.objectContaining({ reason: "too_many_buckets" }),
    );
  });
});
