// Whatever goes into a block comes out again, bit for bit.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Column } from "../column.ts";
import { bitsOf, createDraw, drawColumn, timeKinds, valueKinds } from "../testing/column-kinds.ts";
import { decodeBlock, decodeBlockInto } from "./decode.ts";
import { encodeBlock } from "./encode.ts";
import { maxBlockCount, readBlockHeader } from "./header.ts";

function expectSame(actual: Column, expected: Column): void {
  expect(actual.timesUs.length).toBe(expected.timesUs.length);
  expect(bitsOf(actual.timesUs).equals(bitsOf(expected.timesUs))).toBe(true);
  expect(bitsOf(actual.values).equals(bitsOf(expected.values))).toBe(true);
}

function expectRoundTrip(column: Column): Uint8Array {
  const bytes = encodeBlock(column);
  expectSame(decodeBlock(bytes), column);
  return bytes;
}

const times = Object.keys(timeKinds);
const values = Object.keys(valueKinds);

describe("a block", () => {
  it.each(times)("keeps times of kind '%s' with any values", (kind) => {
    for (const [i, count] of [1, 2, 3, 100, 127, 128, 129, 256, 1000, 4096].entries()) {
      expectRoundTrip(
        drawColumn({ times: kind, values: values[i % values.length]!, count, seed: i }),
      );
    }
  });

  it.each(values)("keeps values of kind '%s' at any times", (kind) => {
    for (const [i, count] of [1, 2, 3, 31, 32, 33, 127, 128, 129, 6000].entries()) {
      expectRoundTrip(
        drawColumn({ times: times[i % times.length]!, values: kind, count, seed: 100 + i }),
      );
    }
  });

  it("keeps mixtures of kinds: 2 million samples", () => {
    const column = fc.record({
      times: fc.constantFrom(...times),
      values: fc.constantFrom(...values),
      count: fc.integer({ min: 1, max: 8192 }),
      seed: fc.integer(),
    });
    let samples = 0;
    fc.assert(
      fc.property(column, column, (a, b) => {
        const count = a.count + b.count;
        const first = drawColumn(a);
        const second = drawColumn(b);
        const joined = {
          timesUs: drawColumn({ ...a, count }).timesUs,
          values: new Float64Array(count),
        };
        joined.values.set(first.values);
        joined.values.set(second.values, a.count);
        samples += count;
        expectRoundTrip(joined);
      }),
      { numRuns: 300 },
    );
    expect(samples).toBeGreaterThan(1_500_000);
  });

  it("keeps any sorted times and any doubles", () => {
    const time = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
    const near = fc.integer({ min: 0, max: 300 });
    const value = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.integer({ min: -2000, max: 2000 }).map((n) => n / 10),
    );
    const samples = fc.oneof(
      fc.array(fc.tuple(time, value), { minLength: 1, maxLength: 300 }),
      fc.array(fc.tuple(near, value), { minLength: 1, maxLength: 300, size: "max" }),
    );
    fc.assert(
      fc.property(samples, (pairs) => {
        const timesUs = Float64Array.from(pairs, ([t]) => (t === 0 ? 0 : t)).sort();
        expectRoundTrip({ timesUs, values: Float64Array.from(pairs, ([, v]) => v) });
      }),
      { numRuns: 3000 },
    );
  });

  it.each(["whole numbers", "full mantissa about 0", "random bits"])(
    "holds 65,536 samples of kind '%s'",
    (kind) => {
      for (const kindOfTime of ["grid", "jitter and holes", "days apart"]) {
        expectRoundTrip(
          drawColumn({ times: kindOfTime, values: kind, count: maxBlockCount, seed: 1 }),
        );
      }
    },
  );

  it("never takes more than 17 bytes a sample and some", () => {
    for (const kind of times) {
      for (const count of [1, 100, 4000]) {
        const bytes = expectRoundTrip(
          drawColumn({ times: kind, values: "random bits", count, seed: 2 }),
        );
        expect(bytes.length).toBeLessThan(40 + count * 17);
      }
    }
  });

  it("reads from an unaligned view and leaves it alone", () => {
    const column = drawColumn({ times: "jitter", values: "full mantissa", count: 500, seed: 3 });
    const bytes = encodeBlock(column);
    for (let shift = 1; shift < 8; shift++) {
      const view = Buffer.alloc(bytes.length + 16, 0xff).subarray(shift, shift + bytes.length);
      view.set(bytes);
      expectSame(decodeBlock(view), column);
      expect(view.equals(bytes)).toBe(true);
    }
  });

  it("is a function of the column alone", () => {
    const column = drawColumn({ times: "jitter", values: "spiky decimals", count: 900, seed: 4 });
    const bytes = encodeBlock(column);
    encodeBlock(drawColumn({ times: "Poisson", values: "random bits", count: 9000, seed: 5 }));
    expect(encodeBlock(column)).toEqual(bytes);
  });

  it("takes a view into larger arrays", () => {
    const whole = drawColumn({ times: "grid", values: "random bits", count: 300, seed: 6 });
    const part = {
      timesUs: whole.timesUs.subarray(101, 240),
      values: whole.values.subarray(101, 240),
    };
    expectRoundTrip(part);
  });
});

describe("decodeBlockInto", () => {
  it("lays many blocks into one pair of arrays", () => {
    const draw = createDraw(7);
    const columns = times.map((kind, i) =>
      drawColumn({ times: kind, values: values[i]!, count: 1 + Math.floor(draw() * 900), seed: i }),
    );
    const total = columns.reduce((sum, column) => sum + column.timesUs.length, 0);
    const target = { timesUs: new Float64Array(total), values: new Float64Array(total) };
    let offset = 0;
    for (const column of columns) {
      const bytes = encodeBlock(column);
      const count = decodeBlockInto(bytes, target, { offset });
      expect(count).toBe(readBlockHeader(bytes).count);
      offset += count;
    }
    expect(offset).toBe(total);
    let at = 0;
    for (const column of columns) {
      const end = at + column.timesUs.length;
      expectSame(
        { timesUs: target.timesUs.subarray(at, end), values: target.values.subarray(at, end) },
        column,
      );
      at = end;
    }
  });

  it("writes nothing outside its place", () => {
    const column = drawColumn({
      times: "jitter",
      values: "decimals of 1 digits",
      count: 200,
      seed: 8,
    });
    const target = {
      timesUs: new Float64Array(210).fill(-7),
      values: new Float64Array(210).fill(-7),
    };
    decodeBlockInto(encodeBlock(column), target, { offset: 5 });
    for (const array of [target.timesUs, target.values]) {
      expect([...array.subarray(0, 5), ...array.subarray(205)]).toEqual(Array(10).fill(-7));
    }
  });
});
