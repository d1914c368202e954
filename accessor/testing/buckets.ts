// Computes buckets from raw records, and compares the buckets of an answer with them. For tests
// only.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { expect } from "vitest";
import type { Bucket as BucketMessage } from "#gen/millrace/v1/summary_pb.ts";
import { type Bucket, BucketAccumulator } from "../history/buckets.ts";
import { type RawRecord, signals } from "./records.ts";

const toUs = (time: Timestamp | undefined) =>
  time === undefined ? undefined : Number(time.seconds) * 1e6 + time.nanos / 1000;

/** records: all of one machine's signal, in order. */
export function bucketsOf(
  records: readonly RawRecord[],
  { signal, edgesUs }: { signal: keyof typeof signals; edgesUs: Float64Array },
): readonly Bucket[] {
  const accumulator = new BucketAccumulator({ edgesUs, ...signals[signal] });
  accumulator.addColumn({
    timesUs: Float64Array.from(records, ({ timeUs }) => timeUs),
    values: Float64Array.from(records, ({ value }) => value),
  });
  return accumulator.finish();
}

export function expectBucket(found: BucketMessage, expected: Bucket): void {
  expect([found.count, toUs(found.startTime), toUs(found.endTime), found.coverage]).toEqual([
    BigInt(expected.count),
    expected.startUs,
    expected.endUs,
    expected.coverage,
  ]);
  expect([found.min, found.max, found.first, found.last]).toEqual([
    expected.min,
    expected.max,
    expected.first,
    expected.last,
  ]);
  expect([found.minTime, found.maxTime, found.firstTime, found.lastTime].map(toUs)).toEqual([
    expected.minUs,
    expected.maxUs,
    expected.firstUs,
    expected.lastUs,
  ]);
  expectClose(found.integral, expected.integral, Math.max(1, expected.coveredUs / 1e3));
  expect([found.increase, found.rate].map((one) => one === undefined)).toEqual(
    new Array(2).fill(expected.increase === undefined),
  );
  if (expected.increase !== undefined) {
    expectClose(found.increase!, expected.increase, 1e3 * Math.max(1, expected.increase));
    expectClose(found.rate!, (expected.increase * 1e6) / expected.coveredUs, 1e9);
  }
  expect(found.mean === undefined).toBe(expected.mean === undefined);
  if (expected.mean !== undefined) expectClose(found.mean!, expected.mean, 1e3);
  expect(found.timeWeightedMean === undefined).toBe(expected.timeWeightedMean === undefined);
}

/** Values are at most 1,000. */
export function expectClose(found: number, expected: number, size: number): void {
  // NaN fails too.
  if (!(Math.abs(found - expected) <= size * 1e-11)) expect(found).toBe(expected);
}
