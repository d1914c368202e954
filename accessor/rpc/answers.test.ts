// What the sums, summaries and timelines say where a request asks for too much, for nothing, or for
// what is gone.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import { EnergyAbsence } from "#gen/millrace/v1/summary_pb.ts";
import { at, column, oneSample } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const baseUs = Date.UTC(2026, 0, 7) * 1000;
const window = { startTime: at(baseUs), endTime: at(baseUs + 3_600e6) };

function ask(
  init: Exclude<
    MessageInitShape<typeof rpc.AggregateSamplesRequestSchema>,
    rpc.AggregateSamplesRequest
  >,
  of: { revision: number; committedUs?: number },
) {
  const { service, context } = history.serviceAt(of.revision, of.committedUs);
  const request = create(rpc.AggregateSamplesRequestSchema, {
    signals: ["power"],
    ...window,
    ...init,
  });
  return Promise.resolve(service.aggregateSamples(request, context));
}

const width = (seconds: number) => ({
  case: "width" as const,
  value: { seconds: BigInt(Math.floor(seconds)), nanos: Math.round((seconds % 1) * 1e9) },
});

test("refusals name their reason", async () => {
  await history.ingest({
    ...oneSample(1),
    stateChanges: [{ time: at(baseUs), state: MachineState.IDLE }],
  });
  const of = { revision: 1 };
  const reason = (name: string) => expect.objectContaining({ reason: name });
  await expect(ask({ signals: ["state"] }, of)).rejects.toEqual(reason("SIGNAL_NOT_NUMERIC"));
  await expect(ask({ signals: ["powr"] }, of)).rejects.toEqual(reason("SIGNAL_UNKNOWN"));
  await expect(ask({ resolution: width(0.0009) }, of)).rejects.toEqual(reason("REQUEST_INVALID"));
  await expect(ask({ resolution: width(0.35) }, of)).rejects.toEqual(reason("TOO_MANY_BUCKETS"));
  await expect(
    ask({ resolution: { case: "daysInTimeZone", value: "Mars/Base" } }, of),
  ).rejects.toEqual(reason("TIME_ZONE_UNKNOWN"));
  await expect(ask({ endTime: window.startTime }, of)).rejects.toEqual(
    reason("TIME_RANGE_INVALID"),
  );
  await expect(ask({ machines: ["no name "] }, of)).rejects.toEqual(reason("MACHINE_NAME_INVALID"));
});

test("10,000 buckets a series are answered, 100,000 in all", async () => {
  for (let i = 0; i < 11; i++) await history.ingest(oneSample(i, { machine: `m${i}` }));
  const fine = { resolution: width(0.36) };
  const { series } = await ask({ ...fine, machines: ["m1"] }, { revision: 11 });
  expect(series![0]!.buckets).toHaveLength(10_000);
  await expect(ask(fine, { revision: 11 })).rejects.toEqual(
    expect.objectContaining({ reason: "TOO_MANY_BUCKETS" }),
  );
});

test("energy comes in kilowatt hours whatever unit of power was declared, or not at all", async () => {
  const units = { a: "", b: "W", c: "kW", d: "kVA", e: "mW" };
  const line = [
    [baseUs, 1],
    [baseUs + 1e6, 3],
  ] as const;
  for (const [machine, unit] of Object.entries(units))
    await history.ingest({ machine, samples: [{ ...column("power", [...line]), unit }] });
  // Too far from the others for a line.
  await history.ingest({
    machine: "f",
    samples: [
      {
        ...column("power", [
          [baseUs, 1],
          [baseUs + 9e6, 1],
        ]),
        unit: "W",
        maxGap: { seconds: 1n },
      },
    ],
  });
  await history.ingest({
    machine: "g",
    stateChanges: [{ time: at(baseUs), state: MachineState.OFF }],
  });
  const { service, context } = history.serviceAt(7);
  const { machines } = await service.summarizeMachines(
    create(rpc.SummarizeMachinesRequestSchema, window),
    context,
  );
  const toJoules = (kwh: number) => Math.round(kwh * 3.6e12) / 1e6;
  const said = machines!.map(({ energy, energyAbsence, states }) => ({
    joules: energy && toJoules(energy.energyKwh!),
    meanW: energy?.meanPowerW,
    peakW: energy?.peakPowerW,
    absence: energyAbsence,
    ofState: toJoules(states![0]!.energyKwh!),
    covered: Math.round(states![0]!.energyCoverage! * 3_600),
  }));
  const known = (watts: number) => ({
    joules: 2 * watts,
    meanW: 2 * watts,
    peakW: 3 * watts,
    absence: undefined,
    ofState: 2 * watts,
    covered: 1,
  });
  const unknown = { joules: undefined, meanW: undefined, peakW: undefined, ofState: 0, covered: 0 };
  expect(said).toEqual([
    known(1),
    known(1),
    known(1_000),
    { ...unknown, absence: EnergyAbsence.UNIT },
    known(0.001),
    { ...unknown, joules: 0, peakW: 1, absence: undefined },
    { ...unknown, absence: EnergyAbsence.NO_POWER },
  ]);
});

test("a machine that sends nothing but states, or nothing in the window, is summed up all the same", async () => {
  await history.ingest({
    machine: "a",
    stateChanges: [{ time: at(baseUs - 1e6), state: MachineState.FAULT }],
  });
  await history.ingest({
    machine: "b",
    samples: [{ ...column("power", [[baseUs + 1e6, 5]]), unit: "kW" }],
  });
  const { service, context } = history.serviceAt(2);
  const answer = await service.summarizeMachines(
    create(rpc.SummarizeMachinesRequestSchema, window),
    context,
  );
  expect(answer.machines).toMatchObject([
    {
      machine: "a",
      states: [{ state: MachineState.FAULT, time: { seconds: 3_600n }, energyKwh: 0 }],
      availability: 0,
    },
    {
      machine: "b",
      states: [{ state: MachineState.UNSPECIFIED, energyKwh: 0 }],
      errors: { count: 0n },
    },
  ]);
  // One sample covers nothing.
  expect(answer.machines![1]!.energy).toMatchObject({
    coverage: 0,
    energyKwh: 0,
    peakPowerW: 5_000,
  });
});

test("a state repeated a thousand times over is one interval", async () => {
  const changes = (count: number, fromUs: number, state: MachineState) =>
    Array.from({ length: count }, (_, i) => ({
      time: at(fromUs + i * 1000),
      state,
      reason: `${i}`,
    }));
  await history.ingest({
    machine: "m",
    stateChanges: changes(12_000, baseUs - 6e6, MachineState.ACTIVE),
  });
  await history.ingest({
    machine: "m",
    stateChanges: changes(1, baseUs + 3_700e6, MachineState.OFF),
  });
  const { service, context } = history.serviceAt(2);
  const request = create(rpc.ListStateIntervalsRequestSchema, { ...window, pageSize: 1 });
  const { intervals, nextPageToken } = await service.listStateIntervals(request, context);
  expect(nextPageToken).toBe("");
  expect(intervals).toMatchObject([
    {
      state: MachineState.ACTIVE,
      reason: "0",
      startTime: at(baseUs - 6e6),
      endTime: at(baseUs + 3_700e6),
    },
  ]);
});

test("a page of a revision whose blocks are gone says so, however young its token is; of events, pages go on", async () => {
  const state = (i: number) => ({
    time: at(baseUs + i),
    state: i % 2 === 0 ? MachineState.IDLE : MachineState.OFF,
  });
  for (let i = 0; i < 4; i++) await history.ingest({ ...oneSample(i), stateChanges: [state(i)] });
  await history.compactAll();
  const { service, context } = history.serviceAt(4);
  const page = (signal: string, pageToken = "") =>
    Promise.resolve(
      service.querySignals(
        create(rpc.QuerySignalsRequestSchema, { signal, pageSize: 2, pageToken }),
        context,
      ),
    );
  const [samples, states] = [await page("power"), await page("state")];
  await history.ingest(oneSample(0));
  await history.compactAll();
  expect((await page("power", samples.nextPageToken)).signals).toHaveLength(2);
  await history.tidy({ supersededMs: 0 });
  await expect(page("power", samples.nextPageToken)).rejects.toMatchObject({
    reason: "PAGE_TOKEN_EXPIRED",
  });
  expect((await page("state", states.nextPageToken)).signals).toHaveLength(2);
});

test("a stream that outlives what it reads ends with an error, not with a hole", async () => {
  // More than a page of headers, so that the stream asks again.
  const minutes = 2_100;
  for (let i = 0; i < 3; i++) {
    const many = Array.from(
      { length: minutes / 3 },
      (_, k) => [baseUs + (i * 700 + k) * 60e6, 1] as const,
    );
    await history.ingest({ machine: "m", samples: [column("power", many)] });
  }
  await history.compactAll({ maxRollups: 1 });
  const { service, context } = history.serviceAt(3);
  const stream = service
    .readSignals(create(rpc.ReadSignalsRequestSchema), context)
    [Symbol.asyncIterator]();
  await stream.next();
  // Late, in every block.
  await history.ingest({
    machine: "m",
    samples: [
      column(
        "power",
        Array.from({ length: minutes }, (_, k) => [baseUs + k * 60e6 - 1, 2] as const),
      ),
    ],
  });
  await history.compact();
  await history.tidy({ supersededMs: 0, maxDropped: 10_000 });
  const rest = async () => {
    while (!(await stream.next()).done);
  };
  await expect(rest()).rejects.toMatchObject({ reason: "PAGE_TOKEN_EXPIRED" });
});

test("means lie between the least and the most, and lose nothing that cancels", async () => {
  const sent: Record<string, number[]> = {
    huge: [1.7e308, 1.7e308],
    tenths: new Array<number>(10).fill(0.1),
    cancel: [1e16, 1, -1e16],
  };
  const samples = Object.entries(sent).map(([name, values]) =>
    column(
      name,
      values.map((value, i) => [baseUs + i * 1e6, value] as const),
    ),
  );
  await history.ingest({ machine: "m", samples });
  const whole = { ...window, endTime: at(baseUs + 3_600e6) };
  for (const revision of [1, await history.settle()]) {
    const answer = await ask(
      { signals: Object.keys(sent), ...whole, resolution: width(3_600) },
      { revision },
    );
    const means = answer.series!.map(({ signal, buckets }) => [
      signal,
      buckets![0]!.mean,
      buckets![0]!.timeWeightedMean,
    ]);
    expect(means).toEqual([
      ["cancel", 1 / 3, expect.any(Number)],
      ["huge", 1.7e308, 1.7e308],
      ["tenths", 0.1, 0.1],
    ]);
  }
});
