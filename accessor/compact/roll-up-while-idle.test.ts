// Hours that are over are rolled up although nothing is committed any more, for SQL and for what is
// committed next; no answer at a revision that there is changes by it.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { eventually } from "../../test/testing/eventually.ts";
import type { Database } from "../store/database.ts";
import { readHourRollups } from "../store/hour-rollups.ts";
import { at, column } from "../testing/batches.ts";
import { forEver, quiet, roomy, TestHistory, unaborted } from "../testing/history.ts";
import { startCompactor } from "./compactor.ts";
import { Restating } from "./restate.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const hourUs = 3_600e6;
const quarterUs = hourUs / 4;
const firstUs = Date.UTC(2026, 5, 1) * 1000;
const hour = (n: number) => firstUs + n * hourUs;

const stateOf = (n: number, hours: number) =>
  n === hours ? MachineState.OFF : n % 2 === 0 ? MachineState.ACTIVE : MachineState.IDLE;
/** What a newcomer imports: a state each hour, power each quarter of one. */
const imported = (hours: number, watts = 1_000) => ({
  machine: "m",
  stateChanges: Array.from({ length: hours + 1 }, (_, n) => ({
    time: at(hour(n)),
    state: stateOf(n, hours),
  })),
  samples: [
    {
      ...column(
        "power",
        Array.from({ length: hours * 4 + 1 }, (_, n) => [firstUs + n * quarterUs, watts]),
      ),
      unit: "W",
    },
  ],
});

const aheadAll = async () => {
  while ((await history.rollUpWhileIdle({ maxRollups: 100 }))?.moreHours);
};

/** Hours in states, their energy, and hours that are due. */
async function told(): Promise<string> {
  const idle = `state = 'IDLE' and time < '2026-06-05'`;
  const [row] = await history.query<Record<string, string | number>>(
    `select (select coalesce(sum(seconds) / 3600, 0) from millrace_v1.state_hours where ${idle}) as idle,
       (select round(sum(kwh)::numeric, 6)::float8 from millrace_v1.state_hours where ${idle}) as kwh,
       (select hours_due from millrace_v1.compaction) as due`,
  );
  return `${row!.idle} h, ${row!.kwh} kWh, ${row!.due} due`;
}

test("one import is rolled up to its last hour by a compactor that sees nothing more", async () => {
  await history.ingest(imported(60));
  const { database, catalog } = history;
  await using _ = startCompactor({
    ...roomy,
    maxRollups: 100,
    database,
    catalog,
    log: quiet,
    nowUs: () => Date.now() * 1000,
    settleUs: 0,
    retention: forEver,
    logWindowMs: 86_400_000,
    maxLogBytes: 2 ** 40,
    segmentMs: 86_400_000,
    segmentBytes: 2 ** 40,
    supersededMs: 1_200_000,
    maxDropped: 1_000,
    rollupRetentionMs: undefined,
    compactIntervalMs: 50,
  });
  await eventually("all hours that are over", async () => (await told()) === "30 h, 30 kWh, 0 due");
});

test("they hold from the next revision on, and what is committed next takes away what it changes", async () => {
  await history.ingest(imported(10));
  const compacted = (await history.compact())!;
  await aheadAll();
  expect(await told()).toBe("5 h, 5 kWh, 0 due");
  const [series] = await history.query<{ id: number }>(
    "select id from series where signal = 'power'",
  );
  const rolledUp = async (watermark: number) => {
    const range = {
      series: { id: series!.id, staleThrough: -1 },
      fromUs: hour(0),
      toUs: hour(24),
      watermark,
    };
    return (await readHourRollups(history.database, range, {})).map(
      (one) => (one.hourUs - firstUs) / hourUs,
    );
  };
  const through = compacted.through;
  expect(await rolledUp(through)).toEqual([]);
  expect(await rolledUp(through + 1)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);

  // Late: the state of hour 5 from its middle on, and power within hour 2.
  await history.ingest({
    machine: "m",
    stateChanges: [{ time: at(hour(5.5)), state: MachineState.FAULT }],
    samples: [column("power", [[hour(2) + 60e6, 4_000]])],
  });
  expect(await history.compact()).toMatchObject({ from: through, through: through + 1 });
  expect(await rolledUp(through)).toEqual([]);
  expect(await rolledUp(through + 1)).toEqual([0, 1, 3, 4, 5, 6, 7, 8, 9, 10]);
  const states = async () =>
    (
      await history.query<{ line: string }>(
        `select (to_us(time) - ${firstUs}) / ${hourUs} || ' ' || state || ' ' || seconds as line
         from millrace_v1.state_hours where to_us(time) between ${hour(1)} and ${hour(5)} and machine = 'm' order by 1`,
      )
    ).map(({ line }) => line);
  // The late sample changes lines of power from hour 1 on.
  expect(await states()).toEqual(["3 IDLE 3600", "4 ACTIVE 3600"]);
  await aheadAll();
  expect(await states()).toEqual([
    "1 IDLE 3600",
    "2 ACTIVE 3600",
    "3 IDLE 3600",
    "4 ACTIVE 3600",
    "5 FAULT 1800",
    "5 IDLE 1800",
  ]);
  expect(await history.rollUpWhileIdle()).toBeUndefined();
});

test("no work is one query, also while an hour waits for a newer record", async () => {
  await history.ingest({
    machine: "m",
    stateChanges: [{ time: at(Date.now() * 1000), state: MachineState.IDLE }],
  });
  await history.compact();
  let queries = 0;
  const database: Database = {
    ...history.database,
    read: (...query) => {
      queries++;
      return history.database.read(...query);
    },
  };
  const tomorrow = () => (Date.now() + 86_400_000) * 1000;
  expect(await history.rollUpWhileIdle({ database, nowUs: tomorrow })).toBeUndefined();
  expect(queries).toBe(1);
  expect(await history.query("select count(*)::int as n from rollup_state_due")).toEqual([
    { n: 1 },
  ]);
  expect(await told()).toMatch(/ 0 due$/);
});

test("what a correction makes due is rolled up again, and nothing of before it is left", async () => {
  await history.ingest(imported(10));
  await history.compact();
  await aheadAll();
  const [power] = await history.query<{ id: number }>(
    "select id from series where signal = 'power'",
  );
  const redeclared = () =>
    history.query("update series set redeclared_at = redeclared_at - interval '1 hour'");
  const declare = async (seconds: number) => {
    await history.query("select redeclare($1, null, $2, null, null, null, true, null)", [
      power!.id,
      seconds * 1e6,
    ]);
    history.catalog.forget();
  };
  await declare(60);
  expect(await told()).toBe("5 h, null kWh, 0 due");
  await redeclared();
  const { database, catalog } = history;
  const restating = new Restating({ database, catalog, log: quiet, abort: unaborted });
  while (await restating.turn());
  expect(await told()).toMatch(/^0 h, null kWh, 2\d due$/);
  await aheadAll();
  // Nothing is covered by lines of a minute at most.
  expect(await told()).toBe("5 h, null kWh, 0 due");
  await declare(900);
  await redeclared();
  while (await restating.turn());
  await aheadAll();
  expect(await told()).toBe("5 h, 5 kWh, 0 due");
});

test("hours that were taken in hand before a correction are not written after it", async () => {
  await history.ingest(imported(3));
  await history.compact();
  const declare =
    "select redeclare(id, null, 60000000, null, null, null, true, null) from series where signal = 'power'";
  const { database } = history;
  const late: Database = {
    ...database,
    connect: async () => {
      await history.query(declare);
      return database.connect();
    },
  };
  expect(await history.rollUpWhileIdle({ database: late })).toMatchObject({
    hours: 0,
    moreHours: false,
  });
  expect(await history.query("select from rollup_state")).toEqual([]);
  expect(await history.query("select from rollup_hour")).toEqual([]);
});
