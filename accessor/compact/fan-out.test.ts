// What few bytes may ask of a step: hours, buckets and weeks are bounded in it, and the rest goes
// on in the next one.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { hourUs } from "../history/buckets-of-time.ts";
import { at, type BatchInit, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";
import { baseUs } from "../testing/records.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const firstUs = Math.floor(baseUs / hourUs) * hourUs - 4_000 * hourUs;

/** A sample an hour, or as far apart as given, whose lines may reach over a day. */
function sparse(
  machine: string,
  count: number,
  { everyUs = hourUs, fromUs = firstUs } = {},
): BatchInit {
  const pairs = Array.from({ length: count }, (_, i) => [fromUs + i * everyUs, i] as const);
  return {
    machine,
    samples: [{ ...column("power", pairs), unit: "W", maxGap: { seconds: 86_400n, nanos: 0 } }],
  };
}

const due = async () =>
  (await history.query<{ due: number }>("select count(*)::int as due from rollup_state_due"))[0]!
    .due;

test("hours that a line may reach are counted once, however many samples reach them", async () => {
  await history.ingest(sparse("a", 500));
  await history.compact();
  expect(await due()).toBe(500 + 2 * 24);
});

test("a step ends before the commit that changes too many hours, and the next one goes on with it", async () => {
  for (let i = 0; i < 6; i++) await history.ingest(sparse(`m${i}`, 100, { everyUs: 50 * hourUs }));
  const through = [];
  for (
    let step = await history.compact({ maxTouchedHours: 10_000, maxRollups: 0 });
    step;
    step = await history.compact({ maxTouchedHours: 10_000, maxRollups: 0 })
  )
    through.push(step.through);
  // 49 hours for each of 100 samples.
  for (const [i, one] of through.entries())
    expect(one - (through[i - 1] ?? 0)).toBeLessThanOrEqual(2);
  expect(through.at(-1)).toBe(6);
  expect(await due()).toBe(6 * 4_900);
});

test("a step ends before the commit that comes into too many buckets or weeks", async () => {
  for (let i = 0; i < 5; i++) await history.ingest(sparse(`m${i}`, 30));
  expect(await history.compact({ maxBuckets: 50 })).toMatchObject({
    through: 2,
    samples: 60,
    more: true,
  });
  expect(await history.compact({ maxBuckets: 1 })).toMatchObject({
    through: 3,
    samples: 30,
    more: true,
  });
  for (let i = 0; i < 3; i++) await history.ingest(sparse("w", 3, { everyUs: 168 * hourUs }));
  await history.compact({ maxBuckets: 60 });
  expect(await history.compact({ maxWeeks: 2 })).toMatchObject({ through: 6, more: true });
});

test("one state change long ago touches all hours since, in one statement and no list of them here", async () => {
  await history.ingest({
    machine: "a",
    stateChanges: [{ time: at(baseUs), state: MachineState.IDLE }],
  });
  await history.compact();
  // As rolled up by steps that went before: more hours than a call may have arguments.
  const [{ id }] = (await history.query("select id from machine")) as [{ id: number }];
  const hours = 135_000;
  await history.query(
    `insert into rollup_state (valid_from, machine_id, width_us, start_us, transitions, time_us, covered_us, integral)
     select 1, $1, 3600000000, $2::bigint - n * 3600000000::bigint, 0, '{0,0,0,0,0}', '{0,0,0,0,0}', '{0,0,0,0,0}' from generate_series(1, $3::int) n`,
    [id, Math.floor(baseUs / hourUs) * hourUs, hours],
  );
  const statements: unknown[][] = [];
  const { database } = history;
  const watched = {
    ...database,
    read: async (...query: Parameters<typeof database.read>) => {
      const rows = await database.read(...query);
      statements.push(rows);
      return rows;
    },
  };
  await history.ingest({
    machine: "a",
    stateChanges: [{ time: at(baseUs - (hours + 5) * hourUs), state: MachineState.ACTIVE }],
  });
  await history.ingest({
    machine: "b",
    stateChanges: [{ time: at(baseUs), state: MachineState.ACTIVE }],
  });
  // With others it would be too much; alone it is done.
  const limits = { database: watched, maxTouchedHours: 1_000, nowUs: () => 0 };
  expect(await history.compact(limits)).toMatchObject({ through: 2, more: true });
  expect(await history.compact(limits)).toMatchObject({ through: 3, more: false });
  const [row] = await history.query(
    `select count(*)::int as hours from rollup_state where valid_from = 2 and transitions is null`,
  );
  expect(row).toEqual({ hours });
  expect(statements.reduce((most, rows) => Math.max(most, rows.length), 0)).toBeLessThan(100);
});

test("who has a great many old hours due holds up nobody's newest", async () => {
  await history.ingest(sparse("a", 1_000));
  await history.ingest(sparse("b", 1, { fromUs: baseUs }));
  await history.compact({ maxRollups: 0 });
  await history.ingest({
    machine: "c",
    stateChanges: [{ time: at(baseUs), state: MachineState.IDLE }],
  });
  await history.compact({ maxRollups: 20 });
  const rows = await history.query(
    "select distinct m.name from rollup_hour r join series s on s.id = r.series_id join machine m on m.id = s.machine_id order by 1",
  );
  expect(rows).toEqual([{ name: "a" }, { name: "b" }]);
});
