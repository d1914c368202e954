// Every number of every bucket of AggregateSamples against plain loops over the raw samples, in
// twelve time zones around their odd days, at cadences from 10 ms to 1 h, with gaps, late, equal
// and future samples. Through an accessor that compacts meanwhile.
import { fail } from "node:assert";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { CalendarUnit } from "#gen/millrace/v1/signal_service_pb.ts";
import type { Bucket, SeriesBuckets } from "#gen/millrace/v1/summary_pb.ts";
import { openTestAccessor, type TestAccessor } from "../accessor/test-accessor.ts";
import { at, column } from "../accessor/test-batches.ts";
import { toDuration, toTimeUs } from "../samples/timestamps.ts";
import { eventually } from "./support/eventually.ts";
import { type Held, holdings, type OracleUnit, type RawSample, unitNamer } from "./support/local-buckets.ts";

const { LINEAR, STEP, COUNTER } = SampleType;
const { DAY, WEEK, MONTH, QUARTER, YEAR, SHIFT } = CalendarUnit;

/** A zone and an instant near which its calendar is odd. */
const oddDays: readonly (readonly [timeZone: string, near: string])[] = [
  ["Pacific/Apia", "2011-12-30T10:00Z"], // skips 2011-12-30
  ["Africa/Casablanca", "2026-03-22T02:00Z"], // an hour back, for Ramadan's end forth
  ["America/Sao_Paulo", "2017-10-15T03:00Z"], // has no midnight that day
  ["Asia/Beirut", "2023-03-25T22:00Z"], // has none either
  ["Australia/Lord_Howe", "2024-04-06T15:00Z"], // back by half an hour
  ["Europe/Berlin", "2026-03-29T01:00Z"],
  ["America/New_York", "2026-11-01T06:00Z"],
  ["Asia/Kathmandu", "2025-12-31T18:15Z"], // 5:45 ahead
  ["Asia/Kolkata", "2025-12-31T18:30Z"], // 5:30 ahead
  ["Pacific/Chatham", "2024-04-06T14:00Z"], // 12:45 and 13:45 ahead
  ["America/Havana", "2024-11-03T05:00Z"], // comes to midnight twice
  ["Africa/Cairo", "2024-04-25T22:00Z"], // has no midnight that day
];

const signals = ["power", "valve", "pieces"] as const;
const typeOf = { power: LINEAR, valve: STEP, pieces: COUNTER };
const cadencesUs = [10e3, 1e6, 10e6, 60e6, 900e6, 3_600e6];

let accessor: TestAccessor;
beforeAll(async () => {
  const history = { compactMs: 200, logWindowMs: 86_400_000, maxLogBytes: 2 ** 34 };
  accessor = await openTestAccessor({
    history: { ...history, retentionMs: undefined, rollupRetentionMs: undefined },
  });
});
afterAll(() => accessor[Symbol.asyncDispose]());

const anySeries = fc.record({
  cadenceUs: fc.constantFrom(...cadencesUs),
  gapTimes: fc.constantFrom(1, 2.5),
  // From where the run of samples begins, in samples before the odd instant.
  lead: fc.integer({ min: 0, max: 150 }),
  steps: fc.array(
    fc.record({
      distance: fc.constantFrom(...[0, 1, 1, 1, 1, 1, 1, 2, 3, 0.37, 11]),
      value: fc.integer({ min: -50, max: 1_000 }),
      isLate: fc.constantFrom(...[false, false, false, true]),
    }),
    { minLength: 100, maxLength: 160, size: "max" },
  ),
});

const anyScene = fc.record({
  series: fc.tuple(anySeries, anySeries, anySeries),
  dayStart: fc.constantFrom("", "06:00", "02:15", "23:30"),
  shifts: fc.constantFrom(["06:00", "14:00", "22:00"], ["00:00", "02:30"], ["01:45", "23:45", "02:00"]),
  offsetUs: fc.integer({ min: -3_600e6, max: 3_600e6 }),
});
type Scene = typeof anyScene extends fc.Arbitrary<infer T> ? T : never;

type Sent = { signal: string; sampleType: SampleType; maxGapUs: number; samples: RawSample[] };

let sequence = 0n;
let runs = 0;

/**
 * Sends what is late after the rest is compacted; answers all samples of each zone's machine, in
 * order.
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
      return { signal, sampleType: typeOf[signal], maxGapUs: Math.min(86_400e6, cadenceUs * gapTimes), samples };
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
    const batch = { machine: machines[zone]!, samples: samples.filter(({ values }) => values.length > 0) };
    const { result } = await accessor.ingest.ingestBatch({ producerId: "oracle", sequence: ++sequence, batch });
    expect(result!.verdicts).toEqual([]);
  };
  const some = (zone: number, late: boolean) =>
    commit(zone, (i) => made[zone]![i]!.samples.filter(({ isLate }) => isLate === late));
  for (const zone of made.keys()) await some(zone, false);
  await eventually("it is compacted", async () => {
    const [row] = await accessor.query(
      "select (select max(revision) from watermark) >= (select max(revision) from receipt) as done",
    );
    return row!["done"];
  });
  for (const zone of made.keys()) {
    await some(zone, true);
    // Now, and what will not have come by the newest commit.
    const nowUs = Date.now() * 1000;
    await commit(zone, () => [-20e6, -15e6, 240e6].map((offset) => ({ timeUs: nowUs + offset, value: 7 })));
  }
  for (const one of sent.flat()) one.samples.sort((p, q) => p.timeUs - q.timeUs);
  return sent;
}

const units = { day: DAY, week: WEEK, month: MONTH, quarter: QUARTER, year: YEAR, shift: SHIFT } as const;
const reachDays = { day: 9, week: 40, month: 300, quarter: 400, year: 800, shift: 4 };

test("all buckets of all calendars", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyScene, { minLength: oddDays.length, maxLength: oddDays.length }), async (scenes) => {
      runs++;
      const machines = oddDays.map(([timeZone]) => `${timeZone} ${runs}`);
      const sent = await send(scenes, machines);
      for (const [zone, scene] of scenes.entries())
        for (const unit of Object.keys(units) as OracleUnit[])
          await checkUnit(unit, scene, { zone, machine: machines[zone]!, sent: sent[zone]! });
    }),
    // A smaller scene takes long to find, and says no more than the first bucket that is wrong.
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
  // Of years the newest ones too, with what has not come yet.
  const untilUs = unit === "year" ? undefined : nearUs + reachUs;
  const starts = unit === "shift" ? { shiftStarts: [...shifts] } : { dayStart };
  const { series, endTime } = await accessor.signals.aggregateSamples({
    ...{ machines: [machine], signals: [...signals], startTime: at(fromUs) },
    ...(untilUs === undefined ? {} : { endTime: at(untilUs) }),
    resolution: { case: "calendar", value: { timeZone, unit: units[unit], ...starts } },
  });
  const toUs = toTimeUs(endTime)!;
  expect(toUs).toBeLessThanOrEqual(Math.min(untilUs ?? toUs, Date.now() * 1000 + 1e6));
  expect(series.map(({ signal }) => signal)).toEqual([...signals].sort());
  const nameAt = unitNamer({ timeZone, unit, starts: unit === "shift" ? shifts : [dayStart || "00:00"] });
  for (const one of series) {
    const own = sent.find(({ signal }) => signal === one.signal)!;
    expect(one.sampleType).toBe(own.sampleType);
    const window = { fromUs, toUs, nameAt };
    expectSame(one, holdings(own.samples, own, window), { ...window, where: `${timeZone}, ${unit}, ${one.signal}` });
  }
}

/**
 * The buckets are the window, cut exactly where the name of the unit changes; and hold what they
 * should.
 */
function expectSame(
  { buckets, sampleType }: SeriesBuckets,
  held: ReadonlyMap<string, Held>,
  { fromUs, toUs, nameAt, where }: { fromUs: number; toUs: number; nameAt: (timeUs: number) => string; where: string },
): void {
  let edgeUs = fromUs;
  const names = new Set<string>();
  for (const bucket of buckets) {
    const [startUs, endUs] = [toTimeUs(bucket.startTime)!, toTimeUs(bucket.endTime)!];
    expect(startUs).toBe(edgeUs);
    const name = nameAt(startUs);
    expect(nameAt(endUs - 1)).toBe(name);
    if (endUs !== toUs) expect(nameAt(endUs)).not.toBe(name);
    names.add(name);
    expectBucket(bucket, held.get(name) ?? { samples: [], area: 0, coveredUs: 0 }, {
      sampleType,
      name: `${where} ${name}`,
    });
    edgeUs = endUs;
  }
  expect(edgeUs).toBe(toUs);
  expect([...held.keys()].filter((name) => !names.has(name))).toEqual([]);
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
    ...(isEmpty ? [undefined, undefined, undefined, undefined] : [least, timeOf(least), most, timeOf(most)]),
  ]);
  expect([bucket.first, us(bucket.firstTime), bucket.last, us(bucket.lastTime)], `${name}: ends`).toEqual([
    ...[samples[0]?.value, samples[0]?.timeUs, samples.at(-1)?.value, samples.at(-1)?.timeUs],
  ]);
  const size = 1_000 * (1 + samples.length + coveredUs / 1e6);
  const near = (what: string, actual: number | undefined, expected: number | undefined, within = size) => {
    if (actual === undefined || expected === undefined) return expect(actual, `${name}: ${what}`).toBe(expected);
    if (!(Math.abs(actual - expected) <= 1e-9 * within)) fail(`${name}: ${what} is ${actual}, not ${expected}`);
  };
  near("mean", bucket.mean, isEmpty ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length);
  near("coverage", bucket.coverage, coveredUs / lengthUs, 1);
  const isCounter = sampleType === COUNTER;
  const perSecond = coveredUs === 0 ? undefined : area / (coveredUs / 1e6);
  near("integral", bucket.integral, isCounter ? 0 : area);
  near("time_weighted_mean", bucket.timeWeightedMean, isCounter ? undefined : perSecond, 1_000);
  near("increase", bucket.increase, isCounter && coveredUs > 0 ? area : undefined);
  near("rate", bucket.rate, isCounter ? perSecond : undefined, 1 + (perSecond ?? 0));
}
