// What SQL says of silence equals what one finds who walks the minutes and looks for a record in
// each, and what AggregateStates says: silences(), silent_seconds of state_hours, and state_at().
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MachineState, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { AggregateStatesRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import type { MachineStateBuckets } from "#gen/millrace/v1/summary_pb.ts";
import { createDraw } from "../../codec/testing/column-kinds.ts";
import { toDuration } from "../../codec/timestamps.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  await history.query("set timezone to 'UTC'");
});
afterAll(() => history[Symbol.asyncDispose]());

const [minuteUs, hourUs] = [60e6, 3_600e6] as const;
/** Thirty hours to some minutes ago. */
const firstUs = Math.floor((Date.now() * 1000 - 30 * hourUs) / hourUs) * hourUs;
const lastUs = Date.now() * 1000 - 20 * minuteUs;

/**
 * Of which the tolerance is made: a max_gap of 35.5 minutes counts, those of values sent on change
 * do not.
 */
const machines = {
  dense: { toleranceUs: 10 * minuteUs, maxGapUs: 1e6, sampleType: SampleType.UNSPECIFIED },
  slow: { toleranceUs: 36 * minuteUs, maxGapUs: 35.5 * minuteUs, sampleType: SampleType.LINEAR },
  steps: { toleranceUs: 10 * minuteUs, maxGapUs: 24 * hourUs, sampleType: SampleType.STEP },
} as const;
const names = Object.keys(machines) as (keyof typeof machines)[];
const states = [MachineState.ACTIVE, MachineState.IDLE, MachineState.FAULT, MachineState.OFF];
const stateNames = ["UNKNOWN", "ACTIVE", "IDLE", "FAULT", "OFF"];

type Change = { timeUs: number; state: MachineState };
type Records = { timesUs: number[]; changes: Change[] };

async function send(machine: keyof typeof machines, seed: number): Promise<Records> {
  const draw = createDraw(seed);
  const holes = [1, 1, 1, 2, 9, 10, 11, 12, 36, 37, 38, 59, 60, 61, 150];
  const records: Records = { timesUs: [], changes: [] };
  const samples: [number, number][] = [];
  for (
    let us = firstUs + draw() * hourUs;
    us < lastUs;
    us += holes[Math.floor(draw() * holes.length)]! * minuteUs
  ) {
    const timeUs = Math.floor(us / minuteUs) * minuteUs + Math.floor(draw() * minuteUs);
    records.timesUs.push(timeUs);
    if (draw() < 0.3) records.changes.push({ timeUs, state: states[Math.floor(draw() * 4)]! });
    else samples.push([timeUs, draw()]);
  }
  const { maxGapUs, sampleType } = machines[machine];
  const late = samples.filter(() => draw() < 0.3);
  const declared = { maxGap: toDuration(maxGapUs), sampleType };
  const stateChanges = records.changes.map(({ timeUs, state }) => ({ time: at(timeUs), state }));
  for (const some of [samples.filter((one) => !late.includes(one)), late]) {
    const changes = some === late ? [] : stateChanges;
    await history.ingest({
      machine,
      stateChanges: changes,
      samples: [{ ...column("load", some), ...declared }],
    });
    await history.compactAll();
  }
  return records;
}

/** Minutes that are silent, of those that touch a window. */
function silentMinutes(
  { timesUs }: Records,
  toleranceUs: number,
  window: { fromUs: number; toUs: number },
): number[] {
  const alive = new Set(timesUs.map((us) => Math.floor(us / minuteUs)));
  const silent: number[] = [];
  for (
    let minute = Math.floor(window.fromUs / minuteUs);
    minute * minuteUs < window.toUs;
    minute++
  ) {
    let before = 0;
    while (before <= toleranceUs / minuteUs && !alive.has(minute - before)) before++;
    if (before > toleranceUs / minuteUs) silent.push(minute);
  }
  return silent;
}

const stateOf = ({ changes }: Records, us: number) =>
  changes.findLast(({ timeUs }) => timeUs <= us)?.state ?? 0;

async function silences(from: string, to: string): Promise<string[]> {
  const rows = await history.query<{ machine: string; begins: string; ends: string }>(
    `select machine, case when isfinite(begins) then to_us(begins) else -1 end as begins, to_us(ends) as ends
     from millrace_v1.silences($1, $2, $3)`,
    [from, to, names],
  );
  return rows.map(({ machine, begins, ends }) => `${machine} ${begins} ${ends}`);
}

/** The same, of the minutes. */
function joined(
  records: Records,
  machine: keyof typeof machines,
  window: { fromUs: number; toUs: number },
): string[] {
  const pieces: { fromUs: number; toUs: number }[] = [];
  for (const minute of silentMinutes(records, machines[machine].toleranceUs, window)) {
    const fromUs = Math.max(minute * minuteUs, window.fromUs);
    const toUs = Math.min((minute + 1) * minuteUs, window.toUs);
    const last = pieces.at(-1);
    if (last?.toUs === fromUs) last.toUs = toUs;
    else pieces.push({ fromUs, toUs });
  }
  return pieces.map(({ fromUs, toUs }) => `${machine} ${fromUs} ${toUs}`);
}

const iso = (us: number) =>
  `${new Date(Math.floor(us / 1000)).toISOString().slice(0, -1)}${String(us % 1000).padStart(3, "0")}Z`;

test("silences, silent seconds of states, and silence at a time", async () => {
  const all = new Map<keyof typeof machines, Records>();
  for (const [i, machine] of names.entries()) all.set(machine, await send(machine, i + 1));
  await history.settle();
  await history.ingest({ machine: "a", samples: [column("load", [[firstUs, 1]])] });
  await history.compactAll({ maxRollups: 5_000 });
  const [{ us }] = (await history.query<{ us: string }>(
    "select millrace_v1.history_end() as us",
  )) as [{ us: string }];
  const endUs = Number(us);

  const window = { fromUs: firstUs - 5 * hourUs + 7, toUs: endUs };
  const expected = [...all].flatMap(([machine, records]) => joined(records, machine, window));
  expect(expected.length).toBeGreaterThan(30);
  expect(await silences(iso(window.fromUs), "infinity")).toEqual(expected);
  const within = { fromUs: firstUs + 9.99 * hourUs, toUs: firstUs + 14.01 * hourUs };
  expect(await silences(iso(within.fromUs), iso(within.toUs))).toEqual(
    [...all].flatMap(([machine, records]) => joined(records, machine, within)),
  );
  expect((await silences("-infinity", "infinity"))[0]).toBe(
    expected[0]!.replace(String(window.fromUs), "-1"),
  );
  expect(await silences("infinity", "infinity")).toEqual([]);

  const rows = await history.query<{ machine: string; us: string; state: string; silent: number }>(
    `select machine, to_us(time) as us, state, silent_seconds as silent from millrace_v1.state_hours
     where machine <> 'a' order by machine, time, state`,
  );
  expect(rows.length).toBeGreaterThan(60);
  expect(rows.some(({ silent }) => silent > 0 && silent < 3_600)).toBe(true);
  for (const { machine, us: hour, state, silent } of rows) {
    const records = all.get(machine as keyof typeof machines)!;
    const [fromUs, toUs] = [Number(hour), Number(hour) + hourUs];
    const minutes = silentMinutes(records, machines[machine as keyof typeof machines].toleranceUs, {
      fromUs,
      toUs,
    });
    const own = minutes.filter(
      (minute) => stateNames[stateOf(records, minute * minuteUs)] === state,
    );
    expect(silent, `${machine} ${iso(fromUs)} ${state}`).toBe(own.length * 60);
  }

  // What AggregateStates says of the same hours.
  const [newest] = await history.query<{ revision: string }>(
    "select max(revision) as revision from receipt",
  );
  const { service, context } = history.serviceAt(Number(newest!.revision), endUs);
  const asked = create(AggregateStatesRequestSchema, {
    machines: names,
    startTime: at(firstUs),
    endTime: at(endUs),
    resolution: { case: "width", value: { seconds: 3_600n } },
  });
  const answer = await service.aggregateStates(asked, context);
  const said = new Map<string, number>();
  for (const { machine, buckets, silenceTolerance } of answer.machines as MachineStateBuckets[]) {
    expect(Number(silenceTolerance!.seconds) * 1e6).toBe(
      machines[machine as keyof typeof machines].toleranceUs,
    );
    for (const bucket of buckets)
      for (const { state, silentTime } of bucket.states)
        said.set(
          `${machine} ${Number(bucket.startTime!.seconds) * 1e6} ${stateNames[state]}`,
          Number(silentTime!.seconds),
        );
  }
  const inSql = rows.map((row) => [`${row.machine} ${row.us} ${row.state}`, row.silent] as const);
  expect(inSql).toEqual(inSql.map(([key]) => [key, said.get(key)]));

  const draw = createDraw(9);
  for (let i = 0; i < 10; i++) {
    const timeUs = firstUs + hourUs + Math.floor(draw() * 28 * hourUs);
    const found = await history.query(
      "select machine, state, silent from millrace_v1.state_at($1, $2)",
      [iso(timeUs), names],
    );
    const wanted = [...all].flatMap(([machine, records]) => {
      const state = stateOf(records, timeUs);
      const silent = silentMinutes(records, machines[machine].toleranceUs, {
        fromUs: timeUs,
        toUs: timeUs + 1,
      });
      return state === 0 ? [] : [{ machine, state: stateNames[state], silent: silent.length > 0 }];
    });
    expect(found).toEqual(wanted);
  }
  // As of now: what the log has only counts too.
  const now = async () =>
    (await history.query("select silent from millrace_v1.state_at('infinity', '{dense}')")).map(
      ({ silent }) => silent,
    );
  expect(await now()).toEqual([true]);
  await history.ingest({ machine: "dense", samples: [column("load", [[Date.now() * 1000, 1]])] });
  expect(await now()).toEqual([false]);
  // Where its past is not filled in, nobody calls it silent.
  await history.query("insert into alive_due (machine_id) select id from machine");
  expect(await silences("-infinity", "infinity")).toEqual([]);
});

test("what of a reader's own hangs on state_at() as it was stays", async () => {
  const { readMigrations } = await import("../store/migrate.ts");
  const sql = readMigrations().find(({ name }) => name === "0036_silences.sql")!.sql;
  const drop = sql.slice(sql.indexOf("do $$"), sql.indexOf("-- As in 0029"));
  await history.query(
    "begin; create view of_mine as select machine, state from millrace_v1.state_at(now())",
  );
  await history.query(drop);
  expect(
    (await history.query("select machine from of_mine order by 1")).map(({ machine }) => machine),
  ).toEqual(names);
  await history.query("rollback");
});
