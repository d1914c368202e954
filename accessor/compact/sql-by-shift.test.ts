// A report by local shift made with SQL, as docs/sql.md does it, says what REST and gRPC say of the
// same shifts: energy, and time and energy by state; over the night in which clocks go back.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { MachineState, MachineStateSchema } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import type { Bucket, StateBucket } from "#gen/millrace/v1/summary_pb.ts";
import { createLog } from "../../runtime/log.ts";
import { ZoneClocks } from "../store/zone-clocks.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

const minuteUs = 60_000_000;
const fromUs = Date.UTC(2025, 9, 25, 4) * 1000;
const toUs = Date.UTC(2025, 9, 27, 5) * 1000;
const range = [new Date(fromUs / 1000).toISOString(), new Date(toUs / 1000).toISOString()];
const shifts = `millrace_v1.calendar('Europe/Berlin', 'shift', $1, $2, '{06:00,14:00,22:00}') b`;

test("energy, and time and energy by state, of each shift", { timeout: 120_000 }, async () => {
  await using history = await TestHistory.open();
  const states = [MachineState.ACTIVE, MachineState.IDLE, MachineState.FAULT];
  const stateChanges = Array.from({ length: 70 }, (_, i) => ({
    time: at(fromUs + i * 47 * minuteUs),
    state: states[i % 3]!,
  }));
  const values = Array.from(
    { length: (toUs - fromUs) / minuteUs + 1 },
    (_, i) => [fromUs + i * minuteUs, 1_000 + (i % 77)] as const,
  );
  const power = { ...column("power", values), unit: "W", maxGap: { seconds: 90n, nanos: 0 } };
  await history.ingest({ machine: "press-1", stateChanges, samples: [power] });
  // A step rolls up some hours, the next one the rest.
  await history.settle();
  const revision = await history.settle();
  await using clocks = new ZoneClocks({
    database: history.database,
    version: "2026c",
    log: createLog({ name: "test", level: "error" }),
  });
  clocks.use("Europe/Berlin");
  await clocks.settled();

  const { service, context } = history.serviceAt(revision);
  const value = {
    timeZone: "Europe/Berlin",
    unit: rpc.CalendarUnit.SHIFT,
    shiftStarts: ["06:00", "14:00", "22:00"],
  };
  const asked = {
    machines: ["press-1"],
    startTime: at(fromUs),
    endTime: at(toUs),
    resolution: { case: "calendar" as const, value },
  };
  const samples = await service.aggregateSamples(
    create(rpc.AggregateSamplesRequestSchema, { ...asked, signals: ["power"] }),
    context,
  );
  const buckets = samples.series![0]!.buckets as Bucket[];
  const energy = await history.query<{ seconds: string; kwh: number; covered: number }>(
    `select extract(epoch from b.start_time)::bigint as seconds, sum(h.kwh) as kwh, sum(h.covered_seconds) as covered
     from ${shifts} join millrace_v1.samples_hour h on h.time >= b.start_time and h.time < b.end_time
     where h.signal = 'power' and h.machine = 'press-1' and h.time >= $1 and h.time < $2 group by 1 order by 1`,
    range,
  );
  // Two days of three shifts each, of which the night's has nine hours.
  const hours = buckets.map(
    ({ startTime, endTime }) => Number(endTime!.seconds - startTime!.seconds) / 3_600,
  );
  expect(hours).toEqual([8, 8, 9, 8, 8, 8]);
  expect(energy.map(({ seconds }) => BigInt(seconds))).toEqual(
    buckets.map(({ startTime }) => startTime!.seconds),
  );
  for (const [i, { kwh, covered }] of energy.entries()) {
    expect(kwh).toBeCloseTo(buckets[i]!.integral / 3.6e6, 9);
    expect(covered).toBeCloseTo(buckets[i]!.coverage * hours[i]! * 3_600, 6);
  }

  const answer = await service.aggregateStates(
    create(rpc.AggregateStatesRequestSchema, asked),
    context,
  );
  const byState = await history.query<{
    seconds: string;
    state: string;
    lasted: number;
    kwh: number;
  }>(
    `select extract(epoch from b.start_time)::bigint as seconds, s.state, sum(s.seconds) as lasted, sum(s.kwh) as kwh
     from ${shifts} join millrace_v1.state_hours s on s.time >= b.start_time and s.time < b.end_time
     where s.machine = 'press-1' and s.time >= $1 and s.time < $2 group by 1, 2`,
    range,
  );
  const inSql = new Map(byState.map((row) => [`${row.seconds} ${row.state}`, row]));
  const wanted = (answer.machines![0]!.buckets as StateBucket[]).flatMap((bucket) =>
    bucket.states.map((one) => ({
      key: `${bucket.startTime!.seconds} ${MachineStateSchema.value[one.state]!.localName}`,
      ...one,
    })),
  );
  expect([...inSql.keys()].sort()).toEqual(wanted.map(({ key }) => key).sort());
  for (const { key, time, energyKwh } of wanted) {
    expect(inSql.get(key)!.lasted).toBe(Number(time!.seconds));
    expect(inSql.get(key)!.kwh).toBeCloseTo(energyKwh, 9);
  }
});
