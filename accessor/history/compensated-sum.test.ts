import fc from "fast-check";
import { expect, test } from "vitest";
import { RunningMean, scaledSumOf, sumOf } from "./compensated-sum.ts";

/** Exact: a double is a whole number of 2^-1074. */
function exactly(values: readonly number[]): bigint {
  return values.reduce((sum, value) => sum + toUnits(value), 0n);
}

function toUnits(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const raw = bits.getBigUint64(0);
  const exponent = Number((raw >> 52n) & 0x7ffn);
  const fraction = raw & 0xfffffffffffffn;
  const units = exponent === 0 ? fraction : (fraction | 0x10000000000000n) << BigInt(exponent - 1);
  return raw >> 63n === 1n ? -units : units;
}

const meanOf = (pieces: readonly Float64Array[]) => {
  const mean = new RunningMean();
  const all = pieces.flatMap((piece) => [...piece]);
  for (const piece of pieces)
    mean.add(piece.length, sumOf(piece, 0, piece.length), () => scaledSumOf(piece, 0, piece.length));
  return mean.mean(Math.min(...all), Math.max(...all));
};

test("what plain addition loses is kept", () => {
  const tenths = new Float64Array(10).fill(0.1);
  expect(meanOf([tenths])).toBe(0.1);
  expect(meanOf([tenths.subarray(0, 3), tenths.subarray(3)])).toBe(0.1);
  expect(meanOf([Float64Array.of(1e16, 1, -1e16)])).toBe(1 / 3);
  expect(meanOf([Float64Array.of(1e16), Float64Array.of(1), Float64Array.of(-1e16)])).toBe(1 / 3);
  expect(meanOf([Float64Array.of(1.7e308, 1.7e308)])).toBe(1.7e308);
  expect(meanOf([Float64Array.of(1.7e308, 1.5e308), Float64Array.of(-1e308)]) / 1e307).toBeCloseTo(22 / 3, 12);
  expect(sumOf(Float64Array.of(1.7e308, 1.7e308, -1.7e308), 0, 3)).toBe(1.7e308);
});

test("a sum is right to its last bits, and a mean lies between the least and the most", () => {
  const value = fc.oneof(
    fc.double({ min: -1e300, max: 1e300, noNaN: true }),
    fc.double({ min: -1e3, max: 1e3, noNaN: true }),
    fc.constantFrom(1e16, -1e16, 1, 0.1, -0, 5e-324),
  );
  fc.assert(
    fc.property(fc.array(fc.array(value, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 }), (lists) => {
      const pieces = lists.map((list) => Float64Array.from(list));
      for (const piece of pieces) {
        const error = toUnits(sumOf(piece, 0, piece.length)) - exactly([...piece]);
        const size = piece.reduce((sum, one) => sum + Math.abs(one), 0);
        // Half a last bit of the sum, and of the errors' sum.
        expect(Math.abs(Number(error))).toBeLessThanOrEqual(
          Number(toUnits(Math.max(size * 1e-29, Math.abs(sumOf(piece, 0, piece.length)) * 2 ** -52, 5e-324))),
        );
      }
      const all = lists.flat();
      const mean = meanOf(pieces);
      expect(mean).toBeGreaterThanOrEqual(Math.min(...all));
      expect(mean).toBeLessThanOrEqual(Math.max(...all));
    }),
  );
});
