// Sums against whole numbers that round nothing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { exactSum, isWithin, toUnits } from "../testing/brute-force-exact.ts";
import { RunningSum, scaled, sumOf } from "./compensated-sum.ts";

const allOf = (values: Float64Array) => sumOf(values, 0, values.length);

function runningSum(pieces: readonly Float64Array[]): RunningSum {
  const sum = new RunningSum();
  for (const piece of pieces)
    sum.add(allOf(piece), () => allOf(scaled(piece, 0, piece.length)).high);
  return sum;
}

const meanOf = (...pieces: number[][]) =>
  runningSum(pieces.map((piece) => Float64Array.from(piece))).ratio(1, pieces.flat().length);

test("what plain addition loses is kept", () => {
  const tenths = new Array<number>(10).fill(0.1);
  expect(meanOf(tenths)).toBe(0.1);
  expect(meanOf(tenths.slice(0, 3), tenths.slice(3))).toBe(0.1);
  expect(meanOf([1e16, 1, -1e16])).toBe(1 / 3);
  expect(meanOf([1e16, 1], [-1e16])).toBe(1 / 3);
  expect(meanOf([1e16], [1], [-1e16])).toBe(1 / 3);
  expect(meanOf([1.7e308, 1.7e308])).toBe(1.7e308);
  expect(meanOf([1.7e308], [1.7e308])).toBe(1.7e308);
  expect(meanOf([1.7e308, 1.5e308], [-1e308]) / 1e307).toBeCloseTo(22 / 3, 12);
  expect(allOf(Float64Array.of(1.7e308, 1.7e308, -1.7e308)).high).toBe(1.7e308);
  expect(allOf(Float64Array.of(1.7e308, 1.7e308)).high).toBe(Number.POSITIVE_INFINITY);
});

test("a sum is right to its last bit, of one piece and of many", () => {
  const value = fc.oneof(
    fc.double({ min: -1e300, max: 1e300, noNaN: true }),
    fc.double({ min: -1e3, max: 1e3, noNaN: true }),
    fc.constantFrom(1e16, -1e16, 1, 0.1, -0, 5e-324),
  );
  fc.assert(
    fc.property(
      fc.array(fc.array(value, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 }),
      (lists) => {
        const { sum } = runningSum(lists.map((list) => Float64Array.from(list)));
        const exact = exactSum(lists.flat());
        const error = toUnits(sum.high) - exact;
        const size = exactSum(lists.flat().map(Math.abs));
        // Half a last bit of the sum, and what two float64 together leave out.
        const bound = (exact < 0n ? -exact : exact) + (size >> 45n);
        const [distance, most] = [error < 0n ? -error : error, bound].map((numerator) => ({
          numerator,
          denominator: 1n,
        }));
        expect(isWithin(distance!, most!, { bits: 53n, units: 1n })).toBe(true);
      },
    ),
  );
});
