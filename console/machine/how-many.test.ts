// Whether samples fit is decided by their number: the same from samples and from buckets, so that
// a chart never goes to and fro between them.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { PlotData } from "../chart/plot-data.ts";
import { SampleRun } from "../chart/sample-run.ts";
import { SeriesGrid } from "../chart/series-grid.ts";
import { samplesIn } from "./how-many.ts";

const widthUs = 1_000;
const known = { fromUs: 0, toUs: 100 * widthUs };

function both(times: readonly number[]): { samples: PlotData; buckets: PlotData } {
  const timesUs = Float64Array.from(times).sort();
  const run = new SampleRun();
  run.add(timesUs, timesUs);
  const grid = new SeriesGrid({ ...known, widthUs });
  grid.add(timesUs, timesUs);
  return {
    samples: { kind: "samples", run, maxGapUs: 1, stepped: false },
    buckets: { kind: "buckets", grid, maxGapUs: 1 },
  };
}

test("samples and buckets give the same number for a window of whole buckets", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: known.toUs - 1 }), { maxLength: 200 }),
      fc.integer({ min: 0, max: 98 }),
      fc.integer({ min: 1, max: 99 }),
      (times, first, length) => {
        const { samples, buckets } = both(times);
        const view = {
          fromUs: first * widthUs,
          toUs: Math.min(known.toUs, (first + length) * widthUs),
        };
        const count = times.filter((at) => at >= view.fromUs && at < view.toUs).length;
        expect(samplesIn({ data: samples, known }, view)).toBe(count);
        expect(samplesIn({ data: buckets, known }, view)).toBe(count);
      },
    ),
  );
});

test("two samples a millisecond apart are two samples", () => {
  const { samples, buckets } = both([40_000, 41_000]);
  for (const data of [samples, buckets]) expect(samplesIn({ data, known }, known)).toBe(2);
});

test("what is not covered is as dense as the rest, and nothing is known elsewhere", () => {
  const { samples } = both([10_000, 20_000, 30_000, 90_000]);
  const around = { fromUs: -100_000, toUs: 100_000 };
  expect(samplesIn({ data: samples, known }, around)).toBe(8);
  expect(samplesIn({ data: samples, known }, { fromUs: 2e6, toUs: 3e6 })).toBeUndefined();
});
