// Columns survive the wire: grids as grids, anything else as deltas, values bit for bit.
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SamplesSchema } from "#gen/millrace/v1/signal_pb.ts";
import { toColumn, toSamples } from "./samples.ts";

const declaration = { signal: "power", unit: "W", maxGapUs: 1_500_000 };
const throughTheWire = (timesUs: number[], values: number[]) => {
  const samples = toSamples(declaration, {
    timesUs: Float64Array.from(timesUs),
    values: Float64Array.from(values),
  });
  return fromBinary(SamplesSchema, toBinary(SamplesSchema, samples));
};

test("any column comes back bit for bit", () => {
  const sample = fc.tuple(
    fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 200 }), (samples) => {
      const sorted = samples.toSorted((a, b) => a[0] - b[0]);
      const column = toColumn(
        throughTheWire(
          sorted.map(([time]) => time),
          sorted.map(([, value]) => value),
        ),
      );
      expect([...column.timesUs]).toEqual(sorted.map(([time]) => time));
      for (const [i, [, value]] of sorted.entries())
        expect(Object.is(column.values[i], value)).toBe(true);
    }),
  );
});

test("even spacing becomes a grid, uneven or equal times do not", () => {
  expect(throughTheWire([0, 10_000, 20_000], [1, 2, 3]).times).toMatchObject({
    case: "grid",
    value: { periodUs: 10_000n },
  });
  expect(throughTheWire([7], [1]).times.case).toBe("grid");
  expect(throughTheWire([0, 10_000, 20_001], [1, 2, 3]).times.case).toBe("deltas");
  expect(throughTheWire([5, 5], [1, 2]).times.case).toBe("deltas");
});

test("unit and max_gap travel with the column", () => {
  expect(throughTheWire([0], [1])).toMatchObject({
    signal: "power",
    unit: "W",
    maxGap: { seconds: 1n, nanos: 500_000_000 },
  });
});
