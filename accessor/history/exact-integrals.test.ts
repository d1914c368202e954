// Integrals and means where values cancel or overflow on the way, against fractions that round
// nothing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import {
  anyBetween,
  anySamples,
  anyWindow,
  baseUs,
  linear,
  toColumn,
} from "../testing/brute-force.ts";
import { distanceOf, exactIntegral, isWithin } from "../testing/brute-force-exact.ts";
import { type Bucket, BucketAccumulator } from "./buckets.ts";
import { plus } from "./double-double.ts";
import type { Between, Sample } from "./line-area.ts";
import { joinSummaries, summarize } from "./summary.ts";

const secondUs = 1e6;
const everySecond = (values: readonly number[]): Sample[] =>
  values.map((value, i) => ({ timeUs: baseUs + i * secondUs, value }));
const ofSeconds: Between = { maxGapUs: 10 * secondUs, sampleType: SampleType.LINEAR };

/** How samples arrive: all at once, one by one, or as the summaries of blocks of one. */
const ways: readonly ((
  accumulator: BucketAccumulator,
  samples: readonly Sample[],
  between: Between,
) => void)[] = [
  (accumulator, samples) => accumulator.addColumn(toColumn(samples)),
  (accumulator, samples) => {
    for (const sample of samples) accumulator.addColumn(toColumn([sample]));
  },
  (accumulator, samples, between) => {
    for (const sample of samples) accumulator.addSummary(summarize(toColumn([sample]), between));
  },
];

function bucketsOf(values: readonly number[], between = ofSeconds): Bucket[] {
  const samples = everySecond(values);
  const edgesUs = Float64Array.of(baseUs, baseUs + samples.length * secondUs);
  return ways.map((feed) => {
    const accumulator = new BucketAccumulator({ edgesUs, ...between });
    feed(accumulator, samples, between);
    return accumulator.finish()[0]!;
  });
}

const eachWay = (expected: object) => ways.map(() => expect.objectContaining(expected));

test("a watt between large powers that cancel is not lost", () => {
  const values = [1e16, 1, -1e16];
  expect(bucketsOf(values)).toEqual(
    eachWay({ sum: 1, mean: 1 / 3, integral: 1, timeWeightedMean: 0.5 }),
  );
  const step = { ...ofSeconds, maxGapUs: secondUs, sampleType: SampleType.STEP };
  expect(bucketsOf(values, step)).toEqual(eachWay({ integral: 1, timeWeightedMean: 1 / 3 }));
  const summaries = everySecond(values).map((sample) => summarize(toColumn([sample]), ofSeconds));
  const { sum, integral } = summaries.reduce((a, b) => joinSummaries(a, b, ofSeconds));
  expect([sum.high, integral.high]).toEqual([1, 1]);
});

test("what fits float64 does not overflow on the way, and what does not is infinite", () => {
  expect(bucketsOf([1.7e308, 1.7e308])).toEqual(
    eachWay({ integral: 1.7e308, timeWeightedMean: 1.7e308 }),
  );
  expect(bucketsOf([1.7e308, 1.7e308, -1.7e308])).toEqual(
    eachWay({ sum: 1.7e308, integral: 1.7e308 }),
  );
  const long = bucketsOf([1.7e308, 1.1e308, 1.7e308, 1.1e308]);
  expect(long).toEqual(eachWay({ integral: Number.POSITIVE_INFINITY }));
  for (const { mean, timeWeightedMean } of long)
    for (const one of [mean, timeWeightedMean]) expect(one! / 1.4e308).toBeCloseTo(1, 15);
  const counter = { ...ofSeconds, sampleType: SampleType.COUNTER };
  expect(bucketsOf([-1.7e308, 1.7e308, 1.7e308], counter)).toEqual(
    eachWay({ increase: Number.POSITIVE_INFINITY }),
  );
});

test("an integral is right to its last bit whatever cancels, and edges lose nothing", () => {
  const value = fc.oneof(
    fc.constantFrom(1e16, -1e16, 1, -1, 0.1, 1e250, -1e250),
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  );
  const samplesOf = fc.tuple(anySamples, fc.array(value, { minLength: 40, maxLength: 40 }));
  fc.assert(
    fc.property(
      samplesOf,
      anyWindow,
      anyBetween,
      fc.boolean(),
      ([times, values], window, between, oneByOne) => {
        const samples = times.map(({ timeUs }, i) => ({ timeUs, value: values[i]! }));
        const accumulator = new BucketAccumulator({
          edgesUs: Float64Array.of(window.fromUs, window.toUs),
          ...between,
        });
        ways[oneByOne ? 1 : 0]!(accumulator, samples, between);
        const [bucket] = accumulator.finish();
        // An increase of which no time is known is none.
        if (bucket!.coveredUs === 0) return;
        const { sum, size } = exactIntegral(samples, window, between);
        const found = bucket!.increase ?? bucket!.integral;
        // A last bit of the result, and what two float64 together leave out of the parts.
        const distance = distanceOf(found, sum);
        const close =
          isWithin(distance, sum, { bits: 52n, units: 4n }) ||
          isWithin(distance, size, { bits: 96n, units: 4n });
        expect(close, `${found}`).toBe(true);
      },
    ),
    { numRuns: 1000 },
  );
});

test("buckets of any edges add up to the whole to its last bit", () => {
  const values = [1e16, 3, -1e16, 7e15, 0.1, -7e15];
  const samples = values.map((value, i) => ({ timeUs: baseUs + i * 7, value }));
  const cutAt = (edges: number[]) => {
    const edgesUs = Float64Array.from(edges, (edge) => baseUs + edge);
    const accumulator = new BucketAccumulator({ edgesUs, ...linear });
    accumulator.addColumn(toColumn(samples));
    return accumulator.finish();
  };
  const [whole] = cutAt([0, 40]);
  const parts = cutAt([0, 1, 3, 8, 13, 22, 23, 31, 40]);
  const sum = parts.map(({ integral: high, integralLow: low }) => ({ high, low })).reduce(plus);
  expect(sum.high).toBe(whole!.integral);
});
