// What answers say of machines that fall silent, and of time that has not come: in summaries,
// buckets, intervals and latest states, and what makes another version of them.
import { create } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState, SampleType, type Signal } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import type { StateInterval, StateSummary } from "#gen/millrace/v1/summary_pb.ts";
import { at, type BatchInit, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";
import { baseUs } from "../testing/records.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const minuteUs = 60e6;
const { ACTIVE, IDLE, FAULT } = MachineState;
const inMinutes = (time: Timestamp | undefined) =>
  time === undefined
    ? undefined
    : (Number(time.seconds) * 1e6 + time.nanos / 1000 - baseUs) / minuteUs;
const minutesOf = ({ seconds, nanos }: Duration) =>
  (Number(seconds) * 1e6 + nanos / 1000) / minuteUs;

const change = (minute: number, state: MachineState) => ({
  time: at(baseUs + minute * minuteUs),
  state,
});
const power = (minutes: readonly number[], of: object = {}) => ({
  ...column(
    "power",
    minutes.map((minute) => [baseUs + minute * minuteUs, 1]),
  ),
  maxGap: { seconds: 1n },
  ...of,
});

let revision = 0;
async function commit(batch: BatchInit): Promise<void> {
  ({ revision } = await history.ingest({ ...batch, machine: "m" }));
}

const hour = { startTime: at(baseUs), endTime: at(baseUs + 60 * minuteUs) };
const halves = { case: "width" as const, value: { seconds: 1_800n } };
/** When the newest commit was made. */
const serviceAt = (minute: number) => history.serviceAt(revision, baseUs + minute * minuteUs);
const silentOf = (states: readonly StateSummary[]) =>
  states.map(({ state, time, silentTime }) => [state, minutesOf(time!), minutesOf(silentTime!)]);

async function summary(minute: number, window: object = hour) {
  const { service, context } = serviceAt(minute);
  const answer = await service.summarizeMachines(
    create(rpc.SummarizeMachinesRequestSchema, window),
    context,
  );
  const { states, silenceTolerance } = answer.machines![0]!;
  return {
    states: silentOf(states as StateSummary[]),
    tolerance: minutesOf(silenceTolerance as Duration),
  };
}

async function buckets(minute: number) {
  const { service, context } = serviceAt(minute);
  const request = create(rpc.AggregateStatesRequestSchema, { ...hour, resolution: halves });
  const { machines } = await service.aggregateStates(request, context);
  expect(minutesOf(machines![0]!.silenceTolerance as Duration)).toBe(10);
  return machines![0]!.buckets!.map(({ states }) => silentOf(states as StateSummary[]));
}

async function intervals(minute: number, asked: object = {}) {
  const { service, context } = serviceAt(minute);
  const request = create(rpc.ListStateIntervalsRequestSchema, asked);
  const answer = await service.listStateIntervals(request, context);
  const rows = (answer.intervals as StateInterval[]).map((one) => [
    one.state,
    inMinutes(one.startTime),
    inMinutes(one.endTime),
    minutesOf(one.silentTime!),
    inMinutes(one.silentSinceTime),
  ]);
  return { rows, end: inMinutes(answer.endTime as Timestamp) };
}

async function versions(minute: number) {
  const { service, context } = serviceAt(minute);
  const all = [
    { case: "summarizeMachines" as const, value: hour },
    { case: "aggregateStates" as const, value: { ...hour, resolution: halves } },
    { case: "listStateIntervals" as const, value: hour },
  ];
  const found: string[] = [];
  for (const query of all)
    found.push(
      (await service.getVersion(create(rpc.GetVersionRequestSchema, { query }), context)).version!,
    );
  return found;
}

test("a machine that falls silent stays in its state, and how long it was silent stands beside it", async () => {
  await commit({ stateChanges: [change(0.5, ACTIVE), change(5, IDLE)], samples: [power([8])] });
  await commit({ stateChanges: [change(40.5, FAULT)] });
  for (const compacted of [false, true]) {
    if (compacted) await history.compactAll();
    // Silent up to minute 0, from 19 to 40 and from 51 on.
    expect(await summary(1_000)).toEqual({
      states: [
        [0, 0.5, 0],
        [ACTIVE, 4.5, 0],
        [IDLE, 35.5, 21],
        [FAULT, 19.5, 9],
      ],
      tolerance: 10,
    });
    expect(await buckets(1_000)).toEqual([
      [
        [0, 0.5, 0],
        [ACTIVE, 4.5, 0],
        [IDLE, 25, 11],
      ],
      [
        [IDLE, 10.5, 10],
        [FAULT, 19.5, 9],
      ],
    ]);
    // Each ends with the first sign of life after a silence, or lasts to the newest commit.
    expect(await intervals(1_000)).toEqual({
      rows: [
        [ACTIVE, 0.5, 5, 0, undefined],
        [IDLE, 5, 40.5, 21, 19],
        [FAULT, 40.5, undefined, 949, 51],
      ],
      end: 1_000,
    });
    // Nobody can tell yet.
    expect((await intervals(51)).rows.at(-1)).toEqual([FAULT, 40.5, undefined, 0, undefined]);
    expect((await summary(45)).states.at(-1)).toEqual([FAULT, 4.5, 0]);
  }
});

test("before its first record it is silent, in no known state", async () => {
  await commit({ stateChanges: [change(30, ACTIVE)] });
  expect((await summary(100)).states).toEqual([
    [0, 30, 30],
    [ACTIVE, 30, 19],
  ]);
});

test("a max_gap that is corrected counts at once, for what is past too; not of what is sent on change", async () => {
  await commit({ stateChanges: [change(0, ACTIVE)], samples: [power([0, 40, 59])] });
  await history.compactAll();
  expect(await summary(1_000)).toEqual({ states: [[ACTIVE, 60, 29 + 8]], tolerance: 10 });
  const before = await versions(1_000);
  const { catalog } = history;
  const series = catalog.find("m", "power")!;
  const declare = (maxGapUs: number, sampleType: SampleType) =>
    catalog.redeclare(
      series,
      { unit: "W", maxGapUs, rhythm: undefined, sampleType },
      { force: true },
    );
  await declare(30.5 * minuteUs, SampleType.LINEAR);
  expect(await summary(1_000)).toEqual({ states: [[ACTIVE, 60, 8]], tolerance: 31 });
  for (const [i, version] of (await versions(1_000)).entries()) expect(version).not.toBe(before[i]);
  await declare(30.5 * minuteUs, SampleType.STEP);
  expect((await summary(1_000)).tolerance).toBe(10);
});

test("the latest state says since when its machine has been silent, by the database's clock", async () => {
  const minuteOfNow = Math.floor((Date.now() * 1000 - baseUs) / minuteUs);
  const latest = async () => {
    const { service, context } = serviceAt(minuteOfNow);
    const { signals } = await service.getLatest(create(rpc.GetLatestRequestSchema), context);
    return (signals as Signal[]).map(({ machine, signal, silentSinceTime }) => [
      machine,
      signal,
      inMinutes(silentSinceTime),
    ]);
  };
  await commit({ stateChanges: [change(0, ACTIVE)], samples: [power([20])] });
  await history.ingest({
    machine: "n",
    stateChanges: [change(0, ACTIVE)],
    samples: [power([minuteOfNow - 1])],
  });
  for (const compacted of [false, true]) {
    if (compacted) await history.compactAll();
    revision = 2;
    expect(await latest()).toEqual([
      ["m", "power", undefined],
      ["m", "state", 31],
      ["n", "power", undefined],
      ["n", "state", undefined],
    ]);
  }
  // Retention leaves the state that a machine is in, whatever else goes.
  await history.query("truncate alive_hour");
  expect((await latest()).map(([, , since]) => since)).toEqual([undefined, 11, undefined, 11]);
});

test("intervals end at the newest commit: what has not begun is not listed, what has not ended lasts", async () => {
  const now = Math.floor((Date.now() * 1000 - baseUs) / minuteUs);
  await commit({ stateChanges: [change(now - 2, ACTIVE)] });
  await commit({ stateChanges: [change(now + 4, IDLE)] });
  const lasting = [ACTIVE, now - 2, undefined, 0, undefined];
  for (const asked of [{}, { endTime: at(baseUs + (now + 60) * minuteUs) }])
    expect(await intervals(now, asked)).toEqual({ rows: [lasting], end: now });
  expect(await intervals(now, { startTime: at(baseUs + (now + 1) * minuteUs) })).toMatchObject({
    rows: [],
  });
  expect(await intervals(now, { states: [IDLE] })).toMatchObject({ rows: [] });
  expect((await intervals(now + 4)).rows).toEqual([[ACTIVE, now - 2, now + 4, 0, undefined]]);
  expect((await intervals(now + 5)).rows).toHaveLength(2);
  expect(await intervals(now + 5, { endTime: at(baseUs + now * minuteUs) })).toEqual({
    rows: [[ACTIVE, now - 2, now + 4, 0, undefined]],
    end: now,
  });
});

test("pages of intervals end where the first one did", async () => {
  await commit({ stateChanges: [change(0, ACTIVE), change(1, IDLE), change(2, FAULT)] });
  const first = serviceAt(30);
  const ask = (from: typeof first, pageToken = "") =>
    from.service.listStateIntervals(
      create(rpc.ListStateIntervalsRequestSchema, { pageSize: 1, pageToken }),
      from.context,
    );
  const one = await ask(first);
  const two = await ask(serviceAt(500), one.nextPageToken);
  const three = await ask(serviceAt(900), two.nextPageToken);
  expect([one, two, three].map(({ endTime }) => inMinutes(endTime as Timestamp))).toEqual([
    30, 30, 30,
  ]);
  const [last] = three.intervals as StateInterval[];
  expect([minutesOf(last!.silentTime!), inMinutes(last!.silentSinceTime)]).toEqual([30 - 13, 13]);
});

test("a version changes with silence, and not with what comes while the machine is not silent", async () => {
  await commit({ stateChanges: [change(-40, ACTIVE)], samples: [power([-30, 20, 50])] });
  await commit({ samples: [{ ...power([20, 50]), signal: "oil" }] });
  for (const compacted of [false, true]) {
    if (compacted) await history.compactAll();
    let known = await versions(1_000);
    const isSame = async () => {
      const before = known;
      known = await versions(1_000);
      return known.map((version, i) => version === before[i]);
    };
    const oil = async (...minutes: number[]) =>
      commit({ samples: [{ ...power(minutes), signal: "oil" }] });
    expect(await isSame()).toEqual([true, true, true]);
    // In a minute that is alive; far from the window, but in the interval that reaches into it.
    await oil(20.3);
    expect(await isSame()).toEqual([true, true, true]);
    await oil(compacted ? 500 : 300);
    expect(await isSame()).toEqual([true, true, false]);
    // In a silence of the window; before it, where it shortens the one that it begins with.
    await oil(compacted ? 35 : 33);
    expect(await isSame()).toEqual([false, false, false]);
    await oil(compacted ? -3 : -5);
    expect(await isSame()).toEqual([false, false, false]);
  }
});
