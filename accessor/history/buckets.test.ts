// Buckets against brute force: any pieces, any edges, fed with whole blocks or with single
// neighbours.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import {
  anyBetween,
  anySamples,
  anyWindow,
  areaOf,
  areaSizeOf,
  baseUs,
  expectClose,
  jumpsOf,
  linear,
  lineHeights,
  sizeOf,
  statsOf,
  sumOf,
  toColumn,
} from "../testing/brute-force.ts";
import { type Bucket, BucketAccumulator } from "./buckets.ts";
import type { Between, Sample } from "./line-area.ts";
import { summarize } from "./summary.ts";

const anyEdges = fc
  .tuple(anyWindow, fc.array(fc.nat(), { maxLength: 12 }))
  .map(([{ fromUs, toUs }, cuts]) =>
    Float64Array.from(
      new Set([fromUs, toUs, ...cuts.map((cut) => fromUs + (cut % (toUs - fromUs)))]),
    ).sort(),
  );

/**
 * Feeds samples cut at `cuts`, every piece with an odd cut as summaries, which are cut at the edges
 * as well.
 */
function feed(
  accumulator: BucketAccumulator,
  options: { samples: Sample[]; edgesUs: Float64Array; cuts: number[]; between: Between },
): void {
  const { samples, edgesUs, between } = options;
  const cuts = [
    ...new Set(options.cuts.map((cut) => cut % (samples.length + 1))),
    samples.length,
  ].sort((a, b) => a - b);
  let start = 0;
  for (const end of cuts) {
    const piece = samples.slice(start, end);
    if (end % 2 === 0) accumulator.addColumn(toColumn(piece));
    else {
      const bucketOf = ({ timeUs }: Sample) => edgesUs.findLastIndex((edgeUs) => edgeUs <= timeUs);
      for (const part of Map.groupBy(piece, bucketOf).values()) {
        accumulator.addSummary(summarize(toColumn(part), between));
      }
    }
    start = end;
  }
}

function expectBucketOf(samples: readonly Sample[], bucket: Bucket, between: Between): void {
  const { startUs, endUs, sum, mean, timeWeightedMean, integral, increase, ...rest } = bucket;
  const { coveredUs, coverage, integralLow: _low, ...stats } = rest;
  const inside = samples.filter(({ timeUs }) => timeUs >= startUs && timeUs < endUs);
  expect(stats).toEqual(statsOf(inside));
  const size = sizeOf(samples);
  expectClose(sum, sumOf(inside), { size: size * inside.length });
  if (inside.length > 0) expectClose(mean, sumOf(inside) / inside.length, { size });
  else expect(mean).toBeUndefined();
  const area = areaOf(lineHeights(samples, { fromUs: startUs, toUs: endUs }, between));
  expect(coveredUs).toBe(area.coveredUs);
  expect(coverage).toBe(area.coveredUs / (endUs - startUs));
  const isCounter = between.sampleType === SampleType.COUNTER;
  if (isCounter) expect(integral).toBe(0);
  if (!isCounter || area.coveredUs === 0) expect(increase).toBeUndefined();
  const amount = isCounter && area.coveredUs > 0 ? increase : integral;
  const jumps =
    area.coveredUs > 0 ? jumpsOf(samples, { fromUs: startUs, toUs: endUs }, between) : 0;
  expectClose(amount, area.integral + jumps, {
    size: areaSizeOf(samples, area.coveredUs, between),
  });
  if (area.coveredUs > 0 && !isCounter)
    expectClose(timeWeightedMean, area.integral / (area.coveredUs / 1e6), { size });
  else expect(timeWeightedMean).toBeUndefined();
}

describe("BucketAccumulator", () => {
  it("equals brute force when fed everything", () => {
    fc.assert(
      fc.property(
        anySamples,
        anyEdges,
        fc.array(fc.nat(), { maxLength: 8 }),
        anyBetween,
        (samples, edgesUs, cuts, between) => {
          const accumulator = new BucketAccumulator({ edgesUs, ...between });
          feed(accumulator, { samples, edgesUs, cuts, between });
          const buckets = accumulator.finish();
          expect(buckets.flatMap(({ startUs, endUs }) => [startUs, endUs])).toEqual(
            [...edgesUs].flatMap((edgeUs, i) =>
              i === 0 || i === edgesUs.length - 1 ? [edgeUs] : [edgeUs, edgeUs],
            ),
          );
          for (const bucket of buckets) expectBucketOf(samples, bucket, between);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("equals brute force when fed the window and one neighbour on each side", () => {
    fc.assert(
      fc.property(
        anySamples,
        anyEdges,
        fc.array(fc.nat(), { maxLength: 8 }),
        anyBetween,
        (samples, edgesUs, cuts, between) => {
          const [fromUs, toUs] = [edgesUs[0]!, edgesUs.at(-1)!];
          const before = samples.findLast(({ timeUs }) => timeUs < fromUs);
          const accumulator = new BucketAccumulator({ edgesUs, ...between, before });
          const inside = samples.filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs);
          feed(accumulator, { samples: inside, edgesUs, cuts, between });
          for (const bucket of accumulator.finish(samples.find(({ timeUs }) => timeUs >= toUs))) {
            expectBucketOf(samples, bucket, between);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("covers empty buckets that one line spans", () => {
    const accumulator = new BucketAccumulator({
      edgesUs: Float64Array.of(0, 8, 16, 24),
      ...linear,
      maxGapUs: 32,
    });
    accumulator.addColumn(
      toColumn([
        { timeUs: -4, value: 0 },
        { timeUs: 28, value: 32 },
      ]),
    );
    const found = accumulator
      .finish()
      .map(({ count, coverage, timeWeightedMean }) => [count, coverage, timeWeightedMean]);
    expect(found).toEqual([
      [0, 1, 8],
      [0, 1, 16],
      [0, 1, 24],
    ]);
  });

  it("holds a step to the next sample or for max_gap, and counts a reset from 0", () => {
    const edgesUs = Float64Array.of(0, 10, 20, 30);
    const samples = toColumn([
      { timeUs: 2, value: 6e6 },
      { timeUs: 12, value: 1e6 },
    ]);
    const found = [SampleType.STEP, SampleType.COUNTER].map((sampleType) => {
      const accumulator = new BucketAccumulator({ edgesUs, maxGapUs: 10, sampleType });
      accumulator.addColumn(samples);
      return accumulator
        .finish()
        .map(({ integral, increase, coveredUs }) => [integral, increase, coveredUs]);
    });
    expect(found).toEqual([
      [
        [48, undefined, 8],
        [20, undefined, 10],
        [2, undefined, 2],
      ],
      [
        [0, 800_000, 8],
        [0, 200_000, 2],
        [0, undefined, 0],
      ],
    ]);
  });

  it("refuses pieces out of order, summaries over an edge, edges that do not ascend, neighbours inside", () => {
    const edgesUs = Float64Array.of(baseUs, baseUs + 10, baseUs + 20);
    const at = (...offsets: number[]) =>
      toColumn(offsets.map((offset) => ({ timeUs: baseUs + offset, value: 1 })));
    const accumulator = new BucketAccumulator({ edgesUs, ...linear });
    for (const offsets of [
      [9, 10],
      [-1, 0],
      [19, 20],
    ]) {
      expect(() =>
        new BucketAccumulator({ edgesUs, ...linear }).addSummary(summarize(at(...offsets), linear)),
      ).toThrow(/crosses/);
    }
    accumulator.addColumn(at(15));
    expect(() => accumulator.addColumn(at(14))).toThrow(/out of order/);
    expect(() => accumulator.addSummary(summarize(at(14), linear))).toThrow(/out of order/);
    expect(() => accumulator.finish({ timeUs: baseUs + 19, value: 1 })).toThrow(RangeError);
    expect(
      () => new BucketAccumulator({ edgesUs, ...linear, before: { timeUs: baseUs, value: 1 } }),
    ).toThrow(RangeError);
    for (const bad of [[], [1], [1, 1], [2, 1], [1, Number.NaN]]) {
      expect(() => new BucketAccumulator({ edgesUs: Float64Array.from(bad), ...linear })).toThrow(
        RangeError,
      );
    }
  });
});
