// Calendars on the odd days of real zones, and their bounds.
import { describe, expect, it } from "vitest";
import { type CalendarUnit, calendarEdges } from "./calendar-edges.ts";

const hourMs = 3_600_000;
const toUs = (text: string) => Date.parse(text) * 1000;
const toText = (edgesUs: Float64Array) =>
  [...edgesUs].map((us) => new Date(us / 1000).toISOString().replace(":00.000", ""));

describe("calendarEdges", () => {
  it("has days of 23 and 25 hours", () => {
    const hours = (from: string, to: string) => {
      const window = { fromUs: toUs(from), toUs: toUs(to) };
      const edgesUs = calendarEdges({
        ...window,
        timeZone: "Europe/Berlin",
        unit: "day",
        maxBuckets: 3,
      });
      return [...edgesUs].slice(1).map((edgeUs, i) => (edgeUs - edgesUs[i]!) / 3600e6);
    };
    expect(hours("2024-03-29T23:00Z", "2024-04-01T22:00Z")).toEqual([24, 23, 24]);
    expect(hours("2024-10-25T22:00Z", "2024-10-28T23:00Z")).toEqual([24, 25, 24]);
  });

  it("has shifts that the change of clocks shortens, lengthens and removes", () => {
    const shifts = (from: string, to: string, startsMs: number[]) => {
      const window = { fromUs: toUs(from), toUs: toUs(to) };
      return toText(
        calendarEdges({
          ...window,
          timeZone: "Europe/Berlin",
          unit: "shift",
          startsMs,
          maxBuckets: 9,
        }),
      );
    };
    const three = [6, 14, 22].map((hour) => hour * hourMs);
    expect(shifts("2024-03-30T13:00Z", "2024-03-31T12:00Z", three)).toEqual([
      "2024-03-30T13:00Z",
      "2024-03-30T21:00Z",
      "2024-03-31T04:00Z",
      "2024-03-31T12:00Z",
    ]);
    expect(shifts("2024-10-26T12:00Z", "2024-10-27T13:00Z", three)).toEqual([
      "2024-10-26T12:00Z",
      "2024-10-26T20:00Z",
      "2024-10-27T05:00Z",
      "2024-10-27T13:00Z",
    ]);
    // 02:00 and 02:30 do not come: both begin when clocks jump to 03:00, the first with no time.
    const early = [2, 2.5, 4].map((hour) => hour * hourMs);
    expect(shifts("2024-03-31T00:00Z", "2024-03-31T03:00Z", early)).toEqual([
      "2024-03-31T00:00Z",
      "2024-03-31T01:00Z",
      "2024-03-31T02:00Z",
      "2024-03-31T03:00Z",
    ]);
    // They come twice: from the first on, and the second begins nothing.
    expect(shifts("2024-10-26T23:00Z", "2024-10-27T04:00Z", early)).toEqual([
      "2024-10-26T23:00Z",
      "2024-10-27T00:00Z",
      "2024-10-27T00:30Z",
      "2024-10-27T03:00Z",
      "2024-10-27T04:00Z",
    ]);
  });

  it("has weeks from Monday, quarters and years from their first day, at the day's start", () => {
    const edges = (unit: CalendarUnit, startMs: number) =>
      toText(
        calendarEdges({
          fromUs: toUs("2025-12-27T00:00Z"),
          toUs: toUs("2026-01-07T00:00Z"),
          timeZone: "Europe/Berlin",
          unit,
          startsMs: [startMs],
          maxBuckets: 9,
        }),
      ).slice(1, -1);
    expect(edges("week", 0)).toEqual(["2025-12-28T23:00Z", "2026-01-04T23:00Z"]);
    expect(edges("week", 6 * hourMs)).toEqual(["2025-12-29T05:00Z", "2026-01-05T05:00Z"]);
    for (const unit of ["month", "quarter", "year"] as const)
      expect(edges(unit, 6 * hourMs)).toEqual(["2026-01-01T05:00Z"]);
  });

  it.each([
    [
      "a skipped midnight",
      "America/Sao_Paulo",
      ["2017-10-14T12:00Z", "2017-10-16T12:00Z"],
      ["2017-10-15T03:00Z", "2017-10-16T02:00Z"],
    ],
    [
      "midnight twice",
      "America/Havana",
      ["2024-11-02T12:00Z", "2024-11-04T12:00Z"],
      ["2024-11-03T04:00Z", "2024-11-04T05:00Z"],
    ],
    [
      "a skipped date",
      "Pacific/Apia",
      ["2011-12-29T12:00Z", "2012-01-01T00:00Z"],
      ["2011-12-30T10:00Z", "2011-12-31T10:00Z"],
    ],
    [
      "back from 00:01 to 23:01",
      "America/St_Johns",
      ["2010-11-06T12:00Z", "2010-11-08T12:00Z"],
      ["2010-11-07T02:30Z", "2010-11-08T03:30Z"],
    ],
  ] as const)("knows %s", (_, timeZone, [from, to], cuts) => {
    const days = (fromUs: number, endUs: number) =>
      toText(
        calendarEdges({ fromUs, toUs: endUs, timeZone, unit: "day", maxBuckets: 10 }).subarray(
          1,
          -1,
        ),
      );
    expect(days(toUs(from), toUs(to))).toEqual(cuts);
    // Also for windows that begin or end within the repeated hour.
    const lateUs = toUs(cuts[0]!) + 20 * 60e6;
    expect(days(lateUs, toUs(to))).toEqual(cuts.slice(1));
    expect(days(toUs(from), lateUs)).toEqual(cuts.slice(0, 1));
  });

  it("bounds the units before it looks for them, and knows no made-up zone", () => {
    const window = { fromUs: toUs("1700-01-01"), toUs: toUs("2250-01-01") };
    const inUtc = { timeZone: "UTC", maxBuckets: 1000 };
    const tooMany = (reported: RegExp) =>
      expect.objectContaining({
        reason: "too_many_buckets",
        message: expect.stringMatching(reported),
      });
    expect(() => calendarEdges({ ...window, ...inUtc, unit: "day" })).toThrow(tooMany(/^200882 /));
    expect(() => calendarEdges({ ...window, ...inUtc, unit: "shift", startsMs: [0, 1] })).toThrow(
      tooMany(/^401764 /),
    );
    expect(() => calendarEdges({ ...window, ...inUtc, unit: "month" })).toThrow(tooMany(/^6480 /));
    expect(calendarEdges({ ...window, ...inUtc, unit: "year" })).toHaveLength(551);
    expect(() =>
      calendarEdges({ ...window, timeZone: "Mars/Olympus", unit: "day", maxBuckets: 1e6 }),
    ).toThrow(expect.objectContaining({ reason: "unknown_time_zone" }));
    const twoDays = {
      fromUs: toUs("2024-05-01T12:00Z"),
      toUs: toUs("2024-05-02T12:00Z"),
      timeZone: "UTC",
    };
    expect(calendarEdges({ ...twoDays, unit: "day", maxBuckets: 2 }).length).toBe(3);
    expect(() => calendarEdges({ ...twoDays, unit: "day", maxBuckets: 1 })).toThrow(tooMany(/^2 /));
  });
});
