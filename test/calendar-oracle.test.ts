// Every number of every bucket of AggregateSamples compared with plain loops over the raw samples,
// in twelve time zones around their odd days, at cadences from 10 ms to 1 h, with gaps, late, equal
// and future samples. Through an accessor that compacts meanwhile.
import { fail } from "node:assert";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Bucket, SeriesBuckets } from "#gen/millrace/v1/summary_pb.ts";
import { openTestAccessor, type TestAccessor } from "../accessor/testing/accessor.ts";
import { at, column } from "../accessor/testing/batches.ts";
import { toDuration, toTimeUs } from "../codec/timestamps.ts";
import {
  cutByName,
  type Held,
  holdings,
  type LocalWindow,
  type OracleUnit,
  type RawSample,
  unitNamer,
} from "./testing/local-buckets.ts";
import {
  allUnits,
  cadencesUs,
  compacted,
  dayStarts,
  oddDays,
  reachDays,
  shiftPlans,
  units,
} from "./testing/odd-days.ts";

const { LINEAR, STEP, COUNTER } = SampleType;

const signals = ["power", "valve", "pieces"] as const;
const typeOf = { power: LINEAR, valve: STEP, pieces: COUNTER };

let accessor: TestAccessor;
beforeAll(async () => {
  const history = { compactIntervalMs: 200, logWindowMs: 86_400_000, maxLogBytes: 2 ** 34 };
  accessor = await openTestAccessor({
    history: { ...history, retentionMs: undefined, rollupRetentionMs: undefined },
  });
});
afterAll(() => accessor[Symbol.asyncDispose]());

const anySeries = fc.record({
  cadenceUs: fc.constantFrom(...cadencesUs),
  gapTimes: fc.constantFrom(1, 2.5),
  // Start of the run of samples, in samples before the odd instant.
  lead: fc.integer({ min: 0, max: 150 }),
  steps: fc.array(
    fc.record({
      distance: fc.constantFrom(0, 1, 1, 1, 1, 1, 1, 2, 3, 0.37, 11),
      value: fc.integer({ min: -50, max: 1_000 }),
      isLate: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 100, maxLength: 160, size: "max" },
  ),
});

const anyScene = fc.record({
  series: fc.tuple(anySeries, anySeries, anySeries),
  dayStart: fc.constantFrom(...dayStarts),
  shifts: fc.constantFrom(...shiftPlans),
  offsetUs: fc.integer({ min: -3_600e6, max: 3_600e6 }),
});
type Scene = typeof anyScene extends fc.Arbitrary<infer T> ? T : never;

type Sent = { signal: string; sampleType: SampleType; maxGapUs: number; samples: RawSample[] };

let sequence = 0n;
let runs = 0;

/**
 * Sends the late samples after the rest is compacted; returns all samples of each zone's machine,
 * in order.
 */
async function send(scenes: readonly Scene[], machines: readonly string[]): Promise<Sent[][]> {
  const made = scenes.map(({ series }, zone) =>
    signals.map((signal, i) => {
      const { cadenceUs, gapTimes, lead, steps } = series[i]!;
      let timeUs = Date.parse(oddDays[zone]![1]) * 1000 - lead * cadenceUs;
      const samples = steps.map(({ distance, value, isLate }) => {
        timeUs += Math.round(distance * cadenceUs);
        return { timeUs, value, isLate };
      });
      return {
        signal,
        sampleType: typeOf[signal],
        maxGapUs: Math.min(86_400e6, cadenceUs * gapTimes),
        samples,
      };
    }),
  );
  const sent = made.map((of) => of.map((one): Sent => ({ ...one, samples: [] })));
  const commit = async (zone: number, samplesOf: (i: number) => readonly RawSample[]) => {
    const samples = sent[zone]!.map(({ signal, sampleType, maxGapUs, samples: all }, i) => {
      const own = samplesOf(i);
      all.push(...own);
      const pairs = own.map(({ timeUs, value }) => [timeUs, value] as const);
      return { ...column(signal, pairs), sampleType, maxGap: toDuration(maxGapUs) };
    });
    const batch = {
      machine: machines[zone]!,
      samples: samples.filter(({ values }) => values.length > 0),
    };
    const { result } = await accessor.ingest.ingestBatch({
      producerId: "oracle",
      sequence: ++sequence,
      batch,
    });
    expect(result!.verdicts).toEqual([]);
  };
  const some = (zone: number, late: boolean) =>
    commit(zone, (i) => made[zone]![i]!.samples.filter(({ isLate }) => isLate === late));
  for (const zone of made.keys()) await some(zone, false);
  await compacted(accessor);
  for (const zone of made.keys()) {
    await some(zone, true);
    // Samples of now, and one that is still in the future at the newest commit.
    const nowUs = Date.now() * 1000;
    await commit(zone, () =>
      [-20e6, -15e6, 240e6].map((offset) => ({ timeUs: nowUs + offset, value: 7 })),
    );
  }
  for (const one of sent.flat()) one.samples.sort((p, q) => p.timeUs - q.timeUs);
  return sent;
}

test("all buckets of all calendars", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyScene, { minLength: oddDays.length, maxLength: oddDays.length }),
      async (scenes) => {
        runs++;
        const machines = oddDays.map(([timeZone]) => `${timeZone} ${runs}`);
        const sent = await send(scenes, machines);
        for (const [zone, scene] of scenes.entries())
          for (const unit of allUnits)
            await checkUnit(unit, scene, { zone, machine: machines[zone]!, sent: sent[zone]! });
      },
    ),
    // Shrinking to a smaller scene takes long, and shows no more than the first bucket that is
    // wrong.
    { numRuns: 1, endOnFailure: true },
  );
});

async function checkUnit(
  unit: OracleUnit,
  { shifts, dayStart, offsetUs }: Scene,
  { zone, machine, sent }: { zone: number; machine: string; sent: readonly Sent[] },
): Promise<void> {
  const [timeZone, near] = oddDays[zone]!;
  const reachUs = reachDays[unit] * 86_400e6;
  const nearUs = Date.parse(near) * 1000;
  const fromUs = nearUs - reachUs + offsetUs;
  // For years, the newest ones too, including time that is still to come.
  const untilUs = unit === "year" ? undefined : nearUs + reachUs;
  const starts = unit === "shift" ? { shiftStarts: [...shifts] } : { dayStart };
  const { series, endTime } = await accessor.signals.aggregateSamples({
    machines: [machine],
    signals: [...signals],
    startTime: at(fromUs),
    ...(untilUs === undefined ? {} : { endTime: at(untilUs) }),
    resolution: { case: "calendar", value: { timeZone, unit: units[unit], ...starts } },
  });
  const toUs = toTimeUs(endTime)!;
  expect(toUs).toBeLessThanOrEqual(Math.min(untilUs ?? toUs, Date.now() * 1000 + 1e6));
  expect(series.map(({ signal }) => signal)).toEqual([...signals].sort());
  const nameAt = unitNamer({
    timeZone,
    unit,
    starts: unit === "shift" ? shifts : [dayStart || "00:00"],
  });
  for (const one of series) {
    const own = sent.find(({ signal }) => signal === one.signal)!;
    expect(one.sampleType).toBe(own.sampleType);
    const window = { fromUs, toUs, nameAt };
    expectSame(one, holdings(own.samples, own, window), {
      ...window,
      where: `${timeZone}, ${unit}, ${one.signal}`,
    });
  }
}

function expectSame(
  { buckets, sampleType }: SeriesBuckets,
  held: ReadonlyMap<string, Held>,
  { where, ...window }: LocalWindow & { where: string },
): void {
  const named = cutByName(buckets, window);
  for (const [name, bucket] of named)
    expectBucket(bucket, held.get(name) ?? { samples: [], area: 0, coveredUs: 0 }, {
      sampleType,
      name: `${where} ${name}`,
    });
  expect([...held.keys()].filter((name) => !named.has(name))).toEqual([]);
}

function expectBucket(
  bucket: Bucket,
  { samples, area, coveredUs }: Held,
  { sampleType, name }: { sampleType: SampleType; name: string },
): void {
  const values = samples.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const timeOf = (value: number) => samples.find((sample) => sample.value === value)?.timeUs;
  const lengthUs = toTimeUs(bucket.endTime)! - toTimeUs(bucket.startTime)!;
  const us = toTimeUs;
  const isEmpty = samples.length === 0;
  expect(
    [Number(bucket.count), bucket.min, us(bucket.minTime), bucket.max, us(bucket.maxTime)],
    `${name}: samples`,
  ).toEqual([
    samples.length,
    ...(isEmpty
      ? [undefined, undefined, undefined, undefined]
      : [least, timeOf(least), most, timeOf(most)]),
  ]);
  expect(
    [bucket.first, us(bucket.firstTime), bucket.last, us(bucket.lastTime)],
    `${name}: ends`,
  ).toEqual([samples[0]?.value, samples[0]?.timeUs, samples.at(-1)?.value, samples.at(-1)?.timeUs]);
  const size = 1_000 * (1 + samples.length + coveredUs / 1e6);
  const near = (
    what: string,
    actual: number | undefined,
    expected: number | undefined,
    within = size,
  ) => {
    if (actual === undefined || expected === undefined)
      return expect(actual, `${name}: ${what}`).toBe(expected);
    if (!(Math.abs(actual - expected) <= 1e-9 * within))
      fail(`${name}: ${what} is ${actual}, not ${expected}`);
  };
  near(
    "mean",
    bucket.mean,
    isEmpty ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length,
  );
  near("coverage", bucket.coverage, coveredUs / lengthUs, 1);
  const isCounter = sampleType === COUNTER;
  const perSecond = coveredUs === 0 ? undefined : area / (coveredUs / 1e6);
  near("integral", bucket.integral, isCounter ? 0 : area);
  near("time_weighted_mean", bucket.timeWeightedMean, isCounter ? undefined : perSecond, 1_000);
  near("increase", bucket.increase, isCounter && coveredUs > 0 ? area : undefined);
  near("rate", bucket.rate, isCounter ? perSecond : undefined, 1 + (perSecond ?? 0));
}
