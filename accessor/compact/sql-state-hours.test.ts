// state_hours of SQL has every hour that is over: what AggregateStates says of each, also of hours
// in which nothing of a machine arrived.
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { AggregateStatesRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import type { MachineStateBuckets } from "#gen/millrace/v1/summary_pb.ts";
import { toDuration } from "../../codec/timestamps.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  await history.query("set timezone to 'UTC'");
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const hourUs = 3_600e6;
const thisHourUs = Math.floor((Date.now() * 1000) / hourUs) * hourUs;
const stateNames = ["UNKNOWN", "ACTIVE", "IDLE", "FAULT", "OFF"];
const { ACTIVE, IDLE, FAULT, OFF } = MachineState;

/** Hours ago, and what the machine changed to. */
const changes = (...list: [number, MachineState][]) =>
  list.map(([hours, state]) => ({ time: at(thisHourUs - hours * hourUs), state }));

/**
 * `machine hours-ago STATE seconds covered silent`, of hours that are over, in states that are
 * known.
 */
async function inSql(): Promise<string[]> {
  const rows = await history.query<Record<string, string | number>>(
    `select machine, (${thisHourUs} - to_us(time)) / 3600000000 as ago, state, seconds, covered_seconds as covered, silent_seconds as silent
     from millrace_v1.state_hours where state <> 'UNKNOWN' and machine <> 'a' and to_us(time) < ${thisHourUs}`,
  );
  return rows.map((row) => Object.values(row).join(" ")).sort();
}

async function overGrpc(machines: string[], hours: number): Promise<string[]> {
  const [newest] = await history.query<{ revision: string; us: string }>(
    "select max(revision) as revision, millrace_v1.history_end() as us from receipt",
  );
  const { service, context } = history.serviceAt(Number(newest!.revision), Number(newest!.us));
  const asked = create(AggregateStatesRequestSchema, {
    machines,
    startTime: at(thisHourUs - hours * hourUs),
    endTime: at(thisHourUs),
    resolution: { case: "width", value: { seconds: 3_600n } },
  });
  const answer = await service.aggregateStates(asked, context);
  const seconds = (of?: { seconds?: bigint; nanos?: number }) =>
    Number(of?.seconds ?? 0n) + (of?.nanos ?? 0) / 1e9;
  return (answer.machines as MachineStateBuckets[])
    .flatMap(({ machine, buckets }) =>
      buckets.flatMap(({ startTime, states }) =>
        states
          .filter(({ state, time }) => state !== 0 && seconds(time) > 0)
          .map((one) =>
            [
              machine,
              (thisHourUs - Number(startTime!.seconds) * 1e6) / hourUs,
              stateNames[one.state],
              seconds(one.time),
              Math.round(one.energyCoverage * seconds(one.time) * 1e6) / 1e6,
              seconds(one.silentTime),
            ].join(" "),
          ),
      ),
    )
    .sort();
}

async function settle(): Promise<void> {
  await history.settle();
  await history.settle();
  await history.tidy();
}

test("a state of long ago holds for all hours since", async () => {
  await history.ingest({ machine: "still", stateChanges: changes([17, ACTIVE]) });
  await settle();
  const rows = await inSql();
  expect(rows).toHaveLength(17);
  expect(rows).toEqual(await overGrpc(["still"], 20));
  const [total] = await history.query(
    "select sum(seconds) / 3600 as hours from millrace_v1.state_hours where machine = 'still' and to_us(time) < $1",
    [thisHourUs],
  );
  expect(total).toEqual({ hours: 17 });
});

test("hours with and without records fit together, as late data come and hours are due again", async () => {
  const machines = ["still", "sparse", "powered", "counted"];
  await history.ingest({ machine: "still", stateChanges: changes([70, IDLE]) });
  await history.ingest({
    machine: "sparse",
    // At the start of an hour, and twice within one.
    stateChanges: changes(
      [60, ACTIVE],
      [41.25, IDLE],
      [41, IDLE],
      [20.75, FAULT],
      [20.5, OFF],
      [3, ACTIVE],
    ),
  });
  const power = (signal: string, from: number, to: number) =>
    column(signal, [
      [thisHourUs - from * hourUs, 100],
      [thisHourUs - to * hourUs, 300],
    ]);
  const declared = { unit: "W", maxGap: toDuration(6 * hourUs) };
  const counted = { ...power("power", 30.5, 27.5), ...declared, sampleType: SampleType.COUNTER };
  await history.ingest({
    machine: "powered",
    stateChanges: changes([50, ACTIVE], [10.5, IDLE]),
    samples: [{ ...power("power", 30.5, 27.5), ...declared }],
  });
  await history.ingest({
    machine: "counted",
    stateChanges: changes([50, ACTIVE]),
    samples: [counted],
  });
  await settle();
  const rows = await inSql();
  expect(rows.length).toBeGreaterThan(230);
  expect(rows).toEqual(await overGrpc(machines, 72));

  await history.ingest({ machine: "sparse", stateChanges: changes([55.5, FAULT], [90, OFF]) });
  await settle();
  expect(await inSql()).toEqual(await overGrpc(machines, 100));

  // Due again: away until it is rolled up.
  const [due] = await history.query<{ id: number }>("select id from machine where name = 'still'");
  await history.query("insert into rollup_state_due (machine_id, hour_us) values ($1, $2)", [
    due!.id,
    thisHourUs - 5 * hourUs,
  ]);
  expect((await inSql()).filter((row) => row.startsWith("still 5 "))).toEqual([]);
  await settle();
  expect(await inSql()).toEqual(await overGrpc(machines, 100));
  const days = await history.query(
    "select from millrace_v1.state_hours where time >= now() - interval '1 day' and machine = 'still'",
  );
  expect(days.length).toBeGreaterThan(22);
});

test("hours of roll-ups that retention has dropped are in the state that held", async () => {
  await history.ingest({
    machine: "m",
    stateChanges: changes([50, ACTIVE], [40.5, IDLE], [30, FAULT]),
  });
  await settle();
  const powered = column("power", [
    [thisHourUs - 45.5 * hourUs, 100],
    [thisHourUs - 45.25 * hourUs, 100],
  ]);
  await history.ingest({
    machine: "powered",
    stateChanges: changes([50, ACTIVE]),
    samples: [{ ...powered, maxGap: toDuration(0.25 * hourUs) }],
  });
  await settle();
  await history.query("delete from rollup_state where start_us < $1", [thisHourUs - 20 * hourUs]);
  const rows = (await inSql()).filter((row) => row.startsWith("m "));
  // All but the one in which it changed.
  expect(rows).toEqual((await overGrpc(["m"], 50)).filter((row) => !row.startsWith("m 41 ")));
  // What was measured there is not known.
  const covered = await history.query<{ covered: number | null }>(
    `select covered_seconds as covered from millrace_v1.state_hours
     where machine = 'powered' and to_us(time) in ($1, $2) and kwh is null order by time`,
    [thisHourUs - 46 * hourUs, thisHourUs - 43 * hourUs],
  );
  expect(covered).toEqual([{ covered: null }, { covered: 0 }]);
});

const hoursMade = async () => {
  const [row] = await history.query<{ first: string; last: string; n: number }>(
    `select ((min(hour_us) - ${thisHourUs}) / 3600000000)::int as first, count(*)::int as n, max(time) as last,
       ((max(hour_us) - min(hour_us)) / 3600000000 + 1 = count(*)) as whole from clock_hour`,
  );
  return row;
};

test("tidying makes the hours in portions to tomorrow's end, also those of an older state that comes later", async () => {
  const todayUs = Math.floor(thisHourUs / (24 * hourUs)) * 24 * hourUs;
  const ahead = (todayUs + 48 * hourUs - thisHourUs) / hourUs;
  await history.tidy();
  expect(await hoursMade()).toMatchObject({ n: 0 });
  await history.ingest({ machine: "m", stateChanges: changes([5.5, ACTIVE]) });
  await history.tidy();
  expect(await hoursMade()).toMatchObject({ first: -6, n: ahead + 6, whole: true });
  await history.ingest({ machine: "m", stateChanges: changes([100, ACTIVE]) });
  expect(await history.query("select make_clock_hours(10) as made")).toEqual([{ made: 10 }]);
  expect(await hoursMade()).toMatchObject({ first: -16, whole: true });
  // Time goes on: later ones first.
  await history.query("delete from clock_hour where hour_us > $1", [thisHourUs]);
  expect(await history.query("select make_clock_hours(10) as made")).toEqual([{ made: 10 }]);
  await history.tidy();
  expect(await hoursMade()).toMatchObject({ first: -100, n: ahead + 100, whole: true });
  // Retention has dropped the first.
  await history.query("delete from state_change where time_us < $1", [thisHourUs - 10 * hourUs]);
  await history.tidy();
  expect(await hoursMade()).toMatchObject({ first: -6, n: ahead + 6, whole: true });
});
