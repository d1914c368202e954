// The value axis: it holds all values, is round, and stays where it is while that is good enough.
import fc from "fast-check";
import { expect, test } from "vitest";
import { labelsOf, labelText, valueRange } from "./value-range.ts";

test("it holds all values with few round steps", () => {
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(value, value, fc.boolean(), (a, b, withZero) => {
      const [least, most] = [Math.min(a, b), Math.max(a, b)];
      const range = valueRange(least, most, { withZero });
      const play = (range.high - range.low) * 1e-6;
      expect(range.low).toBeLessThanOrEqual(least + play);
      expect(range.high).toBeGreaterThanOrEqual(most - play);
      if (withZero) expect(range.low <= play && range.high >= -play).toBe(true);
      expect(labelsOf(range).length).toBeLessThanOrEqual(5);
      expect(labelsOf(range).length).toBeGreaterThanOrEqual(2);
    }),
  );
});

test("it keeps still while the values fit, and shrinks only when it is much too large", () => {
  const old = valueRange(0, 7_000, { withZero: true });
  expect(old).toEqual({ low: 0, high: 8_000, step: 2_000 });
  expect(valueRange(400, 5_000, { withZero: true, old })).toBe(old);
  expect(valueRange(400, 1_000, { withZero: true, old })).toMatchObject({ high: 1_000 });
  expect(valueRange(0, 8_100, { withZero: true, old })).toMatchObject({ high: 10_000 });
  // Nothing to show changes nothing.
  expect(valueRange(Infinity, -Infinity, { withZero: true, old })).toBe(old);
});

test("labels have the decimals that their step needs", () => {
  expect([0, 2.5, 5].map((value) => labelText(value, 2.5))).toEqual(["0.0", "2.5", "5.0"]);
  expect([-2_000, 0].map((value) => labelText(value, 2_000))).toEqual(["−2000", "0"]);
  expect(labelText(0.25, 0.25)).toBe("0.25");
});
