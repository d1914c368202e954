// Plot points: real samples in time order, each bucket's extremes among them.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anySamples, anyWindow, linear, statsOf, toColumn } from "../testing/brute-force.ts";
import { slotEdges } from "./bucket-edges.ts";
import { BucketAccumulator } from "./buckets.ts";
import { toPlotColumn } from "./plot.ts";

describe("toPlotColumn", () => {
  it("keeps first, lowest, highest and last of each slot, in time order, and nothing else", () => {
    fc.assert(
      fc.property(
        anySamples,
        anyWindow,
        fc.integer({ min: 1, max: 20 }),
        (samples, window, points) => {
          const edgesUs = slotEdges({ ...window, points, maxBuckets: 20 });
          const accumulator = new BucketAccumulator({ edgesUs, ...linear });
          accumulator.addColumn(toColumn(samples));
          const plot = toPlotColumn(accumulator.finish());
          expect([...plot.timesUs]).toEqual([...plot.timesUs].sort((a, b) => a - b));
          const drawn = Array.from(plot.timesUs, (timeUs, i) => ({
            timeUs,
            value: plot.values[i]!,
          }));
          for (let i = 0; i + 1 < edgesUs.length; i++) {
            const inSlot = ({ timeUs }: { timeUs: number }) =>
              timeUs >= edgesUs[i]! && timeUs < edgesUs[i + 1]!;
            const { count, ...kept } = statsOf(samples.filter(inSlot));
            const wanted = [
              [kept.firstUs, kept.first],
              [kept.minUs, kept.min],
              [kept.maxUs, kept.max],
              [kept.lastUs, kept.last],
            ];
            const points = drawn.filter(inSlot).map(({ timeUs, value }) => [timeUs, value]);
            if (count === 0) expect(points).toEqual([]);
            else {
              for (const point of wanted) expect(points).toContainEqual(point);
              for (const point of points) expect(wanted).toContainEqual(point);
              expect([points[0], points.length]).toEqual([
                wanted[0],
                new Set(wanted.map(([t, v]) => `${t} ${Object.is(v, -0) ? "-0" : v}`)).size,
              ]);
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
