// Values that cancel, and values near the largest float64: the right sums over gRPC and in SQL, in
// one batch or in several, before they are compacted and after.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import type { Bucket, MachineSummary } from "#gen/millrace/v1/summary_pb.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const baseUs = Date.UTC(2026, 0, 7, 10) * 1000;
const secondUs = 1e6;
const minute = { startTime: at(baseUs), endTime: at(baseUs + 60 * secondUs) };
const views = ["samples_minute", "samples_hour", "samples_day"];
const byMinute = { resolution: { case: "width", value: { seconds: 60n } } } as const;

async function ask(revision: number) {
  const { service, context } = history.serviceAt(revision);
  const request = { machines: ["m"], signals: ["power"], ...minute, ...byMinute };
  const { series } = await service.aggregateSamples(
    create(rpc.AggregateSamplesRequestSchema, request),
    context,
  );
  const summary = create(rpc.SummarizeMachinesRequestSchema, { machines: ["m"], ...minute });
  const { machines } = await service.summarizeMachines(summary, context);
  const [bucket] = series![0]!.buckets as Bucket[];
  return { bucket: bucket!, energy: (machines as MachineSummary[])[0]!.energy! };
}

/**
 * Answers before and after compaction, of the values a second apart, sent at once and one by one.
 */
async function answersOf(values: readonly number[], maxGap = 10n) {
  const answers: (Awaited<ReturnType<typeof ask>> & { way: string })[] = [];
  const rows: Awaited<ReturnType<typeof readViews>> = [];
  const samples = values.map((value, i) => [baseUs + i * secondUs, value] as const);
  for (const [way, batches] of [
    ["at once", [samples]] as const,
    ["one by one", samples.map((sample) => [sample])] as const,
  ]) {
    await history.clear();
    let revision = 0;
    for (const batch of batches) {
      const power = { ...column("power", batch), maxGap: { seconds: maxGap } };
      ({ revision } = await history.ingest({ machine: "m", samples: [power] }));
    }
    answers.push({ way: `${way}, in the log`, ...(await ask(revision)) });
    answers.push({ way: `${way}, compacted`, ...(await ask(await history.settle())) });
    for (const row of await readViews(way)) rows.push(row);
  }
  return { answers, rows };
}

async function readViews(way: string) {
  const rows: { way: string; mean: number; integral: number }[] = [];
  for (const view of views)
    for (const row of await history.query<{ mean: number; integral: number }>(
      `select mean, integral from millrace_v1.${view} where machine = 'm'`,
    ))
      rows.push({ way: `${way}, ${view}`, ...row });
  await history.query("select * from millrace_v1.state_hours");
  return rows;
}

test("what is small between large values that cancel is in sums and energy", async () => {
  const { answers, rows } = await answersOf([1e16, 3.6e6, -1e16]);
  for (const { way, bucket, energy } of answers) {
    expect(bucket, way).toMatchObject({ mean: 1.2e6, integral: 3.6e6, timeWeightedMean: 1.8e6 });
    expect(energy, way).toMatchObject({ energyKwh: 1, meanPowerW: 1.8e6 });
  }
  // Up to 2 s, minutes are those of blocks; from there on SQL adds samples up.
  const { rows: ofBlocks } = await answersOf([1e16, 3.6e6, -1e16], 2n);
  expect([...rows, ...ofBlocks]).toHaveLength(12);
  for (const { way, ...row } of [...rows, ...ofBlocks])
    expect(row, way).toEqual({ mean: 1.2e6, integral: 3.6e6 });
});

test("sums that fit do not overflow on the way, and those that do not harm nothing else", async () => {
  const [most, half] = [1.7e308, 0.85e308];
  const fits = await answersOf([most, most]);
  for (const { way, bucket, energy } of fits.answers) {
    expect(bucket, way).toMatchObject({ mean: most, integral: most, timeWeightedMean: most });
    expect(energy, way).toMatchObject({
      energyKwh: most / 3.6e6,
      meanPowerW: most,
      peakPowerW: most,
    });
  }
  // SQL shows what is beyond 1e300 as infinite, and keeps means within what was measured.
  for (const { way, ...row } of fits.rows)
    expect(row, way).toEqual({ mean: most, integral: Number.POSITIVE_INFINITY });
  const { answers } = await answersOf([most, half, most, half, most]);
  for (const { way, bucket } of answers)
    expect(bucket, way).toMatchObject({
      integral: Number.POSITIVE_INFINITY,
      max: most,
      min: half,
      coverage: 4 / 60,
    });
});

test("views of every width answer when the sums of their hours and minutes are beyond float64", async () => {
  const hourUs = 3_600 * secondUs;
  for (const hour of [0, 1])
    for (const second of [0, 1, 2, 59, 61, 1_200]) {
      const power = { ...column("power", [[baseUs + hour * hourUs + second * secondUs, 1.7e308]]) };
      await history.ingest({ machine: "m", samples: [{ ...power, maxGap: { seconds: 3_600n } }] });
    }
  const counts = [-1.7e308, 1.7e308, 1.7e308, -1.7e308].map(
    (n, i) => [baseUs + [0, 1, 2, 2][i]! * secondUs, n] as const,
  );
  for (const maxGap of [{ seconds: 2n }, { seconds: 60n }]) {
    const signal = {
      ...column(`c${maxGap.seconds}`, counts),
      maxGap,
      sampleType: SampleType.COUNTER,
    };
    await history.ingest({ machine: "m", samples: [signal] });
  }
  await history.ingest({ machine: "n", samples: [column("power", [[baseUs, 1]])] });
  for (const _ of ["compacted", "rolled up"]) {
    await history.compactAll();
    for (const view of views) {
      const rows = await history.query(
        `select distinct machine, max from millrace_v1.${view} order by machine, max`,
      );
      expect(rows, view).toContainEqual({ machine: "m", max: 1.7e308 });
      expect(rows, view).toContainEqual({ machine: "n", max: 1 });
      const counted = await history.query(
        `select increase from millrace_v1.${view} where sample_type = 'COUNTER'`,
      );
      expect(counted, view).toEqual(Array(2).fill({ increase: Number.POSITIVE_INFINITY }));
    }
    await history.settle();
  }
});
