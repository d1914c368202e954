// What a signal declares of how its values go on: steps hold, counters go up; declared at once,
// later, or corrected, for all that was stored before.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import { EnergyAbsence } from "#gen/millrace/v1/summary_pb.ts";
import { Restating } from "../compact/restate.ts";
import { at, column } from "../testing/batches.ts";
import { quiet, TestHistory, unaborted } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const baseUs = Date.UTC(2026, 2, 1) * 1000;
const hourUs = 3_600e6;

/** Values at hours of the day. */
const hours = (signal: string, samples: readonly (readonly [hour: number, value: number])[]) =>
  column(
    signal,
    samples.map(([hour, value]) => [baseUs + hour * hourUs, value] as const),
  );

/** Buckets of two hours, from 00:00 to 08:00. */
async function bucketsOf(signal: string, revision: number) {
  const { service, context } = history.serviceAt(revision);
  const request = create(rpc.AggregateSamplesRequestSchema, {
    signals: [signal],
    startTime: at(baseUs),
    endTime: at(baseUs + 8 * hourUs),
    resolution: { case: "width", value: { seconds: 7_200n } },
  });
  const { series } = await service.aggregateSamples(request, context);
  return series![0]!;
}

async function summaryOf(revision: number) {
  const { service, context } = history.serviceAt(revision);
  const window = { machines: ["m"], startTime: at(baseUs), endTime: at(baseUs + 8 * hourUs) };
  const { machines } = await service.summarizeMachines(
    create(rpc.SummarizeMachinesRequestSchema, window),
    context,
  );
  return machines![0]!;
}

/** Two in each of two hours, so that blocks have sums of their own. */
const valve = hours("valve", [
  [1, 30],
  [1.5, 10],
  [3, 70],
  [3.5, 50],
]);
const stepped = [
  { integral: 20 * 3_600, coverage: 0.5, mean: 20 },
  { integral: 20 * 3_600 + 50 * 3_600, coverage: 1, mean: 35 },
  { integral: 50 * 7_200, coverage: 1, mean: 50 },
  { integral: 50 * 7_200, coverage: 1, mean: 50 },
];

async function expectSteps(revision: number): Promise<void> {
  const { buckets, sampleType, maxGap } = await bucketsOf("valve", revision);
  expect([sampleType, maxGap!.seconds]).toEqual([SampleType.STEP, 86_400n]);
  const found = buckets!.map(({ integral, coverage, timeWeightedMean: mean }) => ({
    integral,
    coverage,
    mean,
  }));
  expect(found).toEqual(stepped);
  expect(buckets!.every(({ increase, rate }) => increase === undefined && rate === undefined)).toBe(
    true,
  );
}

test("a step holds to the next sample, and the last one to the end of the window", async () => {
  const samples = [
    {
      ...valve,
      unit: "%",
      sampleType: SampleType.STEP,
    },
  ];
  const { revision } = await history.ingest({ machine: "m", samples });
  await expectSteps(revision);
  await expectSteps(await history.settle());
});

test("a step holds for max_gap at most", async () => {
  const declared = { sampleType: SampleType.STEP, maxGap: { seconds: 1_800n } };
  const { revision } = await history.ingest({
    machine: "m",
    samples: [
      {
        ...hours("valve", [
          [1, 20],
          [3, 50],
        ]),
        ...declared,
      },
    ],
  });
  for (const known of [revision, await history.settle()]) {
    const { buckets } = await bucketsOf("valve", known);
    expect(buckets!.map(({ integral, coverage }) => [integral, coverage])).toEqual([
      [20 * 1_800, 0.25],
      [50 * 1_800, 0.25],
      [0, 0],
      [0, 0],
    ]);
  }
});

test("a counter gives increase and rate, also across a reset, and no integral", async () => {
  const meter = hours("meter", [
    [0, 100],
    [2, 104],
    [3, 105],
    [5, 2],
    [7, 3],
  ]);
  const { revision } = await history.ingest({
    machine: "m",
    samples: [{ ...meter, unit: "kWh", sampleType: SampleType.COUNTER }],
  });
  for (const known of [revision, await history.settle()]) {
    const { buckets, sampleType } = await bucketsOf("meter", known);
    expect(sampleType).toBe(SampleType.COUNTER);
    const found = buckets!.map(({ increase, rate, integral, coverage, timeWeightedMean }) => ({
      increase,
      hourly: Math.round(rate! * 3.6e9) / 1e6,
      integral,
      coverage,
      timeWeightedMean,
    }));
    const none = { integral: 0, timeWeightedMean: undefined };
    expect(found).toEqual([
      { increase: 4, hourly: 2, coverage: 1, ...none },
      { increase: 2, hourly: 1, coverage: 1, ...none },
      { increase: 1.5, hourly: 0.75, coverage: 1, ...none },
      { increase: 0.5, hourly: 0.5, coverage: 0.5, ...none },
    ]);
  }
});

test("power that is sent on change has the energy of its steps; a counter is no power", async () => {
  const on = {
    ...hours("power", [
      [0, 1_000],
      [6, 0],
    ]),
    unit: "W",
    sampleType: SampleType.STEP,
  };
  const { revision } = await history.ingest({ machine: "m", samples: [on] });
  for (const known of [revision, await history.settle()])
    expect((await summaryOf(known)).energy).toMatchObject({
      energyKwh: 6,
      coverage: 1,
      method: "step",
    });

  await history.clear();
  const meter = {
    ...hours("power", [
      [0, 0],
      [8, 8],
    ]),
    unit: "W",
    sampleType: SampleType.COUNTER,
  };
  const counted = await history.ingest({ machine: "m", samples: [meter] });
  expect(await summaryOf(counted.revision)).toMatchObject({ energyAbsence: EnergyAbsence.COUNTER });
});

test("a type that is declared later counts for what was compacted before, once", async () => {
  await history.ingest({
    machine: "m",
    samples: [
      {
        ...valve,
        unit: "%",
        maxGap: { seconds: 86_400n },
      },
    ],
  });
  const settled = await history.settle();
  const { sampleType, buckets } = await bucketsOf("valve", settled);
  expect([sampleType, buckets!.at(-1)!.coverage]).toEqual([SampleType.LINEAR, 0]);

  // At the end of the window: no bucket has it.
  const declaring = { ...hours("valve", [[8, 0]]), sampleType: SampleType.STEP };
  const { revision } = await history.ingest({ machine: "m", samples: [declaring] });
  await expectSteps(revision);
  await history.query("update series set redeclared_at = redeclared_at - interval '1 minute'");
  const compacted = await history.settle();
  const restating = new Restating({ ...history, log: quiet, abort: unaborted });
  while (await restating.turn());
  const [series] = await history.catalog.select({ machines: ["m"], signals: ["valve"] });
  expect(series).toMatchObject({ sampleType: SampleType.STEP, staleThrough: -1 });
  await expectSteps(compacted);
  await expectSteps(await history.settle());

  const other = { ...hours("valve", [[8.5, 0]]), sampleType: SampleType.COUNTER };
  await expect(history.ingest({ machine: "m", samples: [other] })).rejects.toThrow(
    "not taken whole",
  );
});
