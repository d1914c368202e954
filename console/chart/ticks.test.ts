// Ticks of the time axis: round in the zone, in view, neither crowded nor missing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { localTime } from "../time/zone.ts";
import { ticksOf } from "./ticks.ts";

const at = (text: string) => Date.parse(text) * 1000;
const labels = (from: string, to: string, timeZone = "UTC", width = 800) =>
  ticksOf({ fromUs: at(from), toUs: at(to) }, { width, timeZone }).map(({ label }) => label);

test("steps are those that people count in", () => {
  expect(labels("2026-12-01T08:00:00Z", "2026-12-01T08:15:00Z")).toEqual([
    "08:00",
    "08:02",
    "08:04",
    "08:06",
    "08:08",
    "08:10",
    "08:12",
    "08:14",
  ]);
  expect(labels("2026-12-01T08:00:00Z", "2026-12-01T08:00:01Z").slice(0, 3)).toEqual([
    "08:00:00.0",
    "08:00:00.2",
    "08:00:00.4",
  ]);
  expect(labels("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z").slice(0, 3)).toEqual([
    "2026-01-01",
    "2026-03-01",
    "2026-05-01",
  ]);
});

test("hours are whole hours of the zone, also on the day when its clocks change", () => {
  expect(labels("2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", "Europe/Berlin")).toEqual(
    ["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "00:00"],
  );
  expect(labels("2026-12-01T00:00:00Z", "2026-12-01T06:00:00Z", "Asia/Kolkata", 500)[0]).toBe(
    "06:00",
  );
});

test("ticks ascend, lie in view, and are at least about as far apart as asked", () => {
  const zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Auckland"];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: at("2020-01-01") / 1e3, max: at("2030-01-01") / 1e3 }),
      fc.double({ min: 3, max: 15.2, noNaN: true }),
      (timeZone, fromMs, size) => {
        const view = { fromUs: fromMs * 1e3, toUs: fromMs * 1e3 + 10 ** size };
        const ticks = ticksOf(view, { width: 900, timeZone });
        ticks.forEach(({ timeUs }, i) => {
          expect(timeUs).toBeGreaterThanOrEqual(view.fromUs);
          expect(timeUs).toBeLessThanOrEqual(view.toUs);
          if (i > 0) expect(timeUs).toBeGreaterThan(ticks[i - 1]!.timeUs);
        });
        expect(ticks.length).toBeLessThanOrEqual(13);
        // A step of hours or more shows whole hours.
        if (10 ** size > 8 * 3_600e6)
          for (const { timeUs } of ticks) expect(localTime(timeUs, timeZone).minute).toBe(0);
      },
    ),
    { numRuns: 80 },
  );
});
