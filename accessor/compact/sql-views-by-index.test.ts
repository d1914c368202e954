// A part of a machine's minutes, hours and days is looked up by index under PostgreSQL's default
// settings, also within the functions that the views call; and an hour is unpacked once.
import { afterAll, beforeAll, expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

const [secondUs, minuteUs, hourUs, dayUs] = [1e6, 6e7, 3.6e9, 8.64e10];
const firstUs = Date.UTC(2026, 0, 5) * 1000;
const days = 6;

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  const every = (stepUs: number, lengthUs: number) =>
    Array.from({ length: lengthUs / stepUs }, (_, i) => [firstUs + i * stepUs, i] as const);
  for (const machine of ["a", "b", "c"])
    await history.ingest({
      machine,
      stateChanges: [{ time: at(firstUs), state: 1 }],
      samples: [
        { ...column("power", every(secondUs, 5 * hourUs)), unit: "W" },
        {
          ...column("oil", every(2 * minuteUs, days * dayUs)),
          unit: "W",
          maxGap: { seconds: 300n },
        },
        {
          ...column("level", every(3 * hourUs, days * dayUs)),
          unit: "W",
          maxGap: { seconds: 86_400n },
        },
        {
          ...column("valve", every(20 * hourUs, days * dayUs)),
          unit: "%",
          sampleType: SampleType.STEP,
        },
      ],
    });
  await history.settle();
  await history.tidy();
  // Others', and ends of blocks, as many machines have them.
  await history.query(
    `insert into block_end select 1000000000 + n, 1, 1, 1 from generate_series(1, 100000) n`,
  );
  await history.query(`insert into series_day select 1000000 + n, from_us(${firstUs} + m * 86400000000)
    from generate_series(1, 500) n, generate_series(0, 30) m`);
  await history.query(`insert into kept_hour select from_us(us), us from (
    select ${firstUs} - n * 3600000000 from generate_series(1, 20000) n) hour(us)`);
  await history.query(`insert into rollup_hour (series_id, hour_us, valid_from, count)
    select 1000000 + n, ${firstUs} + m * 3600000000, 1, 1 from generate_series(1, 500) n, generate_series(0, 100) m`);
  await history.query(`insert into alive_hour (machine_id, hour_us, valid_from, minutes, first_minute, last_minute)
    select 1000000 + n, ${firstUs} + m * 3600000000, 1, 1, 0, 0 from generate_series(1, 500) n, generate_series(0, 100) m`);
  await history.query(`insert into state_change (revision, time_us, machine_id, position, state, reason)
    select 1, ${firstUs} + n::int8 * 1000000, id, 0, 1 + n % 2, '' from machine, generate_series(1, 20000) n where name = 'a'`);
  await history.query("vacuum analyze");
  await history.query("set timezone to 'UTC'");
});
afterAll(() => history[Symbol.asyncDispose]());

type Scans = { relname: string; seq_tup_read: string; idx_scan: string };

/** How the tables are read by a statement, by whatever it calls too. */
async function scansOf(statement: string): Promise<{ rows: number; scans: Scans[] }> {
  await history.query("select pg_stat_force_next_flush()");
  await history.query("begin");
  const rows = await history.query(statement);
  const scans = await history.query<Scans>(
    `select relname, seq_tup_read, coalesce(idx_scan, 0) as idx_scan from pg_stat_xact_user_tables
     where relname ~ '^(block|rollup_hour|kept_minute|kept_hour|clock_hour|series_day|state_change|alive_hour)' and coalesce(seq_scan, 0) + coalesce(idx_scan, 0) > 0`,
  );
  await history.query("rollback");
  return { rows: rows.length, scans };
}

const hour = "time >= '2026-01-05 03:00Z' and time < '2026-01-05 04:00Z'";

test.each([
  [
    "minutes of a signal kept by the minute",
    `samples_minute where signal = 'power' and ${hour}`,
    60,
  ],
  ["minutes of a signal kept by the hour", `samples_minute where signal = 'oil' and ${hour}`, 60],
  ["minutes that a line crosses", `samples_minute where signal = 'level' and ${hour}`, 60],
  ["minutes that a value holds", `samples_minute where signal = 'valve' and ${hour}`, 60],
  ["an hour that a value holds", `samples_hour where signal = 'valve' and ${hour}`, 1],
  [
    "an hour that a line crosses",
    "samples_hour where signal = 'level' and time >= '2026-01-05 04:00Z' and time < '2026-01-05 05:00Z'",
    1,
  ],
  ["an hour of samples", `samples_hour where signal = 'oil' and ${hour}`, 1],
  ["an hour with few", `samples_hour where signal = 'level' and ${hour}`, 1],
  ["silence of an hour", `state_hours where ${hour}`, 1],
  [
    "an hour in the state that held",
    "state_hours where time >= '2026-01-06 03:00Z' and time < '2026-01-06 04:00Z'",
    1,
  ],
  ["silences", "silences('2026-01-05 03:00Z', '2026-01-05 09:00Z', array['b']) where true", 0],
  ["a day", "samples_day where signal = 'oil' and time = '2026-01-06'", 1],
])("%s", async (_, what, expected) => {
  const { rows, scans } = await scansOf(`select * from millrace_v1.${what} and machine = 'b'`);
  expect(rows).toBe(expected);
  const read = scans.filter(({ seq_tup_read: tuples }) => Number(tuples) > 0);
  expect(read).toEqual([]);
  expect(scans.length).toBeGreaterThan(0);
});

test("what a machine was doing is one look, however long ago", async () => {
  const { rows, scans } = await scansOf(
    "select * from millrace_v1.state_at('2026-01-09', array['b'])",
  );
  const looks = scans.map(({ relname, seq_tup_read, idx_scan }) =>
    [relname, seq_tup_read, idx_scan].join(" "),
  );
  expect({ rows, looks: looks.toSorted() }).toEqual({
    rows: 1,
    looks: ["alive_hour 0 1", "state_change 0 1"],
  });
});

type Node = { "Node Type": string; "Cache Key"?: string; "Actual Loops": number; Plans?: Node[] };

test("an hour of a signal kept by the hour is unpacked once for all of its minutes", async () => {
  const [row] = await history.query<{ "QUERY PLAN": [{ Plan: Node }] }>(
    `explain (analyze, format json) select * from millrace_v1.samples_minute where signal = 'oil' and machine = 'b' and ${hour}`,
  );
  const nodesOf = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
  const nodes = nodesOf(row!["QUERY PLAN"][0].Plan);
  const memo = nodes.find(({ "Node Type": type }) => type === "Memoize");
  expect(memo?.["Cache Key"]).toBe("t.hour_us");
  expect(
    nodes.filter((node) => node["Node Type"] === "Function Scan" && node["Actual Loops"] > 1),
  ).toEqual([]);
});
