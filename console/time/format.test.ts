// Times, lengths and numbers as the page shows them.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ageText,
  bytesText,
  clockText,
  dateTimeText,
  figure,
  fixedNumber,
  kilowattHours,
  kilowatts,
  lengthText,
  percent,
} from "./format.ts";

const at = (text: string) => Date.parse(text) * 1000;

test("a time of day shows the zone's clock and as many digits as asked", () => {
  const time = at("2026-07-01T06:39:18Z") + 410_250;
  expect(clockText(time, "UTC")).toBe("06:39:18");
  expect(clockText(time, "UTC", 3)).toBe("06:39:18.410");
  expect(clockText(time, "Europe/Berlin", 6)).toBe("08:39:18.410250");
  expect(dateTimeText(at("2026-12-31T23:30:00Z"), "Europe/Berlin")).toBe("2027-01-01 00:30:00");
});

test("times before 1970 have their digits too", () => {
  expect(clockText(-250_000, "UTC", 3)).toBe("23:59:59.750");
});

test.each([
  [0, "0 s"],
  [400_000, "0.4 s"],
  [9_900_000, "9.9 s"],
  [59.6e6, "1 min"],
  [171e6, "2 min 51 s"],
  [3_600e6, "1 h"],
  [100 * 3_600e6, "4 d 4 h"],
  [-61e6, "−1 min 1 s"],
])("a length of %d µs is %s", (us, text) => {
  expect(lengthText(us)).toBe(text);
});

test.each([
  [-5e6, "0 s"],
  [38.9e6, "38 s"],
  [125e6, "2 min"],
  [7_300e6, "2 h"],
  [200_000e6, "2 d"],
])("an age of %d µs is %s", (us, text) => {
  expect(ageText(us)).toBe(text);
});

test("a length never says 60 of a unit, and never loses more than a unit", () => {
  const unitUs = { d: 86_400e6, h: 3_600e6, min: 60e6, s: 1e6 } as const;
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000_000 }), (tenths) => {
      const us = tenths * 100_000;
      const parts = [...lengthText(us).matchAll(/([\d.]+) (d|h|min|s)/g)].map(
        ([, count, unit]) => [Number(count), unit as keyof typeof unitUs] as const,
      );
      const told = parts.reduce((sum, [count, unit]) => sum + count * unitUs[unit], 0);
      const smallest = unitUs[parts.at(-1)![1]];
      const next = { d: 3_600e6, h: 60e6, min: 1e6, s: 1e6 }[parts.at(-1)![1]];
      expect(Math.abs(us - told)).toBeLessThan(parts.length === 1 ? next + 1e6 : smallest + 1e6);
      for (const [count, unit] of parts) if (unit !== "d") expect(count).toBeLessThan(60);
    }),
  );
});

test("figures have about four digits, and a true minus", () => {
  expect(figure(5.91449)).toBe("5.914");
  expect(figure(-0.02041)).toBe("−0.02041");
  expect(figure(12_410.26)).toBe("12,410");
  expect(figure(0)).toBe("0");
  expect(figure(1e-7)).toBe("1.000e−7");
  expect(figure(Number.NaN)).toBe("–");
  expect(fixedNumber(-1.5, 1)).toBe("−1.5");
});

test("power, energy, shares and bytes", () => {
  expect([kilowatts(5_874), kilowatts(412.3), kilowatts(123_456)]).toEqual([
    "5.87",
    "0.41",
    "123.5",
  ]);
  expect([kilowattHours(0.8421), kilowattHours(24.51), kilowattHours(186.24)]).toEqual([
    "0.842",
    "24.51",
    "186.2",
  ]);
  expect([percent(0.8613), percent(1)]).toEqual(["86.1 %", "100 %"]);
  expect([bytesText(0), bytesText(512), bytesText(1536), bytesText(3 * 2 ** 30)]).toEqual([
    "0 B",
    "512 B",
    "1.5 KiB",
    "3 GiB",
  ]);
});
