// Days of a zone: where they begin, also when its clocks change.
import fc from "fast-check";
import { expect, test } from "vitest";
import { localTime, offsetMinutes, offsetText, startOfDayUs } from "./zone.ts";

const at = (text: string) => Date.parse(text) * 1000;

test("a zone's offset is named as people write it", () => {
  expect(offsetText(at("2026-07-01T12:00:00Z"), "Europe/Berlin")).toBe("UTC+02:00");
  expect(offsetText(at("2026-01-01T12:00:00Z"), "America/St_Johns")).toBe("UTC−03:30");
  expect(offsetText(at("2026-01-01T12:00:00Z"), "UTC")).toBe("UTC");
});

test.each([
  ["2026-03-29T12:00:00Z", "Europe/Berlin", "2026-03-28T23:00:00Z"],
  ["2026-03-30T12:00:00Z", "Europe/Berlin", "2026-03-29T22:00:00Z"],
  ["2026-10-25T22:30:00Z", "Europe/Berlin", "2026-10-24T22:00:00Z"],
  // Clocks there skip midnight, so the day begins at 01:00.
  ["2018-11-04T12:00:00Z", "America/Sao_Paulo", "2018-11-04T03:00:00Z"],
  ["2026-05-05T00:10:00Z", "Pacific/Kiritimati", "2026-05-04T10:00:00Z"],
])("the day of %s in %s begins at %s", (time, zone, start) => {
  expect(startOfDayUs(at(time), zone)).toBe(at(start));
});

test("any instant lies in its day, and the next day begins after it", () => {
  const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: at("2020-01-01") / 1e6, max: at("2030-01-01") / 1e6 }),
      (zone, seconds) => {
        const us = seconds * 1e6;
        const [start, next] = [startOfDayUs(us, zone), startOfDayUs(us, zone, 1)];
        expect(start).toBeLessThanOrEqual(us);
        expect(next).toBeGreaterThan(us);
        const { day } = localTime(us, zone);
        expect(localTime(start, zone)).toMatchObject({ day, hour: 0, minute: 0, second: 0 });
        expect(localTime(start - 1e6, zone).day).not.toBe(day);
      },
    ),
    { numRuns: 60 },
  );
});

test("the offset of an instant between two changes is the zone's", () => {
  expect(offsetMinutes(at("2026-10-25T00:30:00Z"), "Europe/Berlin")).toBe(120);
  expect(offsetMinutes(at("2026-10-25T01:30:00Z"), "Europe/Berlin")).toBe(60);
});
