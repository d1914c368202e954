// Buckets of a series: from an answer and from samples alike.
import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketRuns, extentInView, valueAt } from "./plot-data.ts";
import { SeriesGrid } from "./series-grid.ts";

test("each sample counts once in its bucket, in any order, and none outside", () => {
  const sample = fc.record({
    timeUs: fc.integer({ min: -20, max: 120 }),
    value: fc.integer({ min: -9, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 50 }), (samples) => {
      const grid = new SeriesGrid({ fromUs: 0, toUs: 100, widthUs: 10 });
      for (const { timeUs, value } of samples)
        grid.add(new Float64Array([timeUs]), new Float64Array([value]));
      for (let i = 0; i < grid.length; i++) {
        const here = samples
          .filter(({ timeUs }) => Math.floor(timeUs / 10) === i)
          .map(({ value }) => value);
        expect(grid.count[i]).toBe(here.length);
        if (here.length === 0) expect(grid.meanOf(i)).toBeNaN();
        else {
          expect(grid.meanOf(i)).toBeCloseTo(here.reduce((a, b) => a + b) / here.length);
          expect(grid.min[i]).toBe(here.reduce((a, b) => Math.min(a, b)));
          expect(grid.max[i]).toBe(here.reduce((a, b) => Math.max(a, b)));
        }
      }
    }),
  );
});

const gridOf = (counts: readonly number[]) => {
  const grid = new SeriesGrid({ fromUs: 0, toUs: counts.length * 10, widthUs: 10 });
  counts.forEach((count, i) => {
    grid.put(i * 10, { count, mean: i, min: i - 1, max: i + 1 });
  });
  return grid;
};

test("buckets that a gap may leave empty are joined, others are not", () => {
  const grid = gridOf([1, 0, 1, 0, 0, 0, 1, 1]);
  const runs = (maxGapUs: number) => [
    ...bucketRuns({ kind: "buckets", grid, maxGapUs }, 0, grid.length),
  ];
  expect(runs(5)).toEqual([[0], [2], [6, 7]]);
  expect(runs(15)).toEqual([
    [0, 2],
    [6, 7],
  ]);
  expect(runs(30)).toEqual([[0, 2, 6, 7]]);
});

test("no peak is lost: the extent of a view has the greatest value of each of its buckets", () => {
  const grid = gridOf([1, 1, 1, 1]);
  grid.put(20, { count: 1, mean: 500, min: 500, max: 500 });
  const data = { kind: "buckets", grid, maxGapUs: 0 } as const;
  expect(extentInView(data, { fromUs: 0, toUs: 40 })).toEqual([-1, 500]);
  expect(extentInView(data, { fromUs: 0, toUs: 15 })).toEqual([-1, 2]);
  expect(valueAt(data, 25)).toMatchObject({ min: 1, max: 500, count: 2, timeUs: 25 });
  expect(valueAt(data, 400)).toBeUndefined();
});
