// Answers end where what is known ends: with the newest record that was committed.
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

test("a window ends when the newest record was committed, if it is open or ends later", async () => {
  await history.ingest({
    machine: "m",
    samples: [
      column("power", [
        [baseUs, 1],
        [baseUs + 500_000, 3],
      ]),
    ],
  });
  const of = { revision: 1, committedUs: baseUs + 2e6 };
  for (const endTime of [undefined, at(baseUs + 2e6), at(baseUs + 7_200e6)]) {
    const answer = await ask({ endTime, resolution: width(3_600) }, of);
    expect(answer.series![0]!.buckets).toMatchObject([{ count: 2n, endTime: at(baseUs + 2e6) }]);
    expect(answer.endTime).toMatchObject(at(baseUs + 2e6));
    // Half a second of two is under the line.
    expect(answer.series![0]!.buckets![0]!.coverage).toBe(0.25);
  }
  // A plot of the day has buckets of one width, however much of the day has come.
  const day = await ask(
    { endTime: at(baseUs + 86_400e6), resolution: { case: "points", value: 1_441 } },
    of,
  );
  expect(day.series![0]!.buckets).toMatchObject([{ count: 2n, endTime: at(baseUs + 2e6) }]);
  // One point is one bucket, wherever the window begins.
  const startTime = at(baseUs - 1_234_567);
  const one = await ask(
    { startTime, endTime: at(baseUs + 7_200e6), resolution: { case: "points", value: 1 } },
    of,
  );
  expect(one.series![0]!.buckets).toMatchObject([
    { count: 2n, startTime, endTime: at(baseUs + 2e6) },
  ]);
});

test("a window that has not begun holds nothing, and is checked all the same", async () => {
  await history.ingest({
    ...oneSample(1),
    stateChanges: [{ time: at(baseUs), state: MachineState.ACTIVE }],
  });
  const of = { revision: 1, committedUs: baseUs + 2e6 };
  for (const endTime of [undefined, at(baseUs + 3_600e6)]) {
    const coming = { startTime: at(baseUs + 9e6), endTime };
    const answer = await ask({ ...coming, resolution: width(60) }, of);
    expect(answer.series).toMatchObject([{ signal: "power", buckets: [] }]);
    expect(answer.endTime).toMatchObject(at(baseUs + 9e6));
    const { service, context } = history.serviceAt(of.revision, of.committedUs);
    const { machines } = await service.summarizeMachines(
      create(rpc.SummarizeMachinesRequestSchema, coming),
      context,
    );
    expect(machines).toMatchObject([
      { endTime: at(baseUs + 9e6), energyAbsence: EnergyAbsence.NO_TIME },
    ]);
    for (const absent of ["states", "availability", "energy"])
      expect(machines![0]).not.toHaveProperty(absent);
  }
  const coming = { startTime: at(baseUs + 9e6), endTime: at(baseUs + 86_400e6) };
  await expect(ask({ ...coming, resolution: width(0.35) }, of)).rejects.toMatchObject({
    reason: "TOO_MANY_BUCKETS",
  });
});

test("a state lasts until the newest record was committed, not into time that has not come", async () => {
  // Active since midnight; asked at 09:41:10 of that day about all of it.
  const nowUs = baseUs + 34_870e6;
  await history.ingest({
    machine: "m",
    stateChanges: [{ time: at(baseUs), state: MachineState.ACTIVE }],
  });
  const { service, context } = history.serviceAt(1, nowUs);
  const day = { startTime: at(baseUs), endTime: at(baseUs + 86_400e6) };
  const { machines } = await service.summarizeMachines(
    create(rpc.SummarizeMachinesRequestSchema, day),
    context,
  );
  expect(machines).toMatchObject([
    {
      endTime: at(nowUs),
      states: [{ state: MachineState.ACTIVE, time: { seconds: 34_870n } }],
      availability: 1,
    },
  ]);
});

test("an hour that was not over when the newest record was committed is not rolled up", async () => {
  const hourUs = Math.floor((Date.now() * 1000) / 3_600e6) * 3_600e6;
  const change = { time: at(hourUs - 1_800e6), state: MachineState.ACTIVE };
  await history.ingest({ machine: "m", stateChanges: [change] });
  await history.compactAll();
  await history.ingest({
    machine: "m",
    errorReports: [{ time: at(hourUs), severity: 1, code: "E" }],
  });
  // By a clock an hour on, the present hour is over; nothing says that the machine was ACTIVE in
  // it.
  await history.compactAll({ nowUs: () => hourUs + 2 * 3_600e6 });
  expect(
    await history.query(
      "select start_us from rollup_state where width_us = 3600000000 and transitions is not null",
    ),
  ).toEqual([{ start_us: String(hourUs - 3_600e6) }]);
});
