// Views of millrace_v1 on rows made by hand: events, intervals, latest, catalogue, energy.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createDraw } from "../../codec/testing/column-kinds.ts";
import { toIntervals } from "../history/state-intervals.ts";
import {
  addBlock,
  addCommit,
  addReceipt,
  addSeries,
  addStates,
  openSqlFixture,
  type SqlFixture,
} from "../testing/sql-database.ts";

let database: SqlFixture;
beforeAll(async () => {
  database = await openSqlFixture();
});
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(() =>
  database.query(`truncate log, receipt, block, block_end, rollup_hour, rollup_due, rollup_state_due, rollup_state, state_change, error_report, quarantine,
    series_day, series_day_due, kept_minute, kept_minute_day, kept_hour, series, machine cascade; delete from watermark where revision > 0`),
);

const hourUs = 3_600_000_000;
const minuteUs = 60_000_000;
const startUs = 1_759_968_000_000_000;
const start = "2025-10-09 00:00:00+00";

it("state intervals follow each other as toIntervals has it", async () => {
  const draw = createDraw(5);
  const changes = Array.from({ length: 400 }, () => ({
    timeUs: startUs + Math.floor(draw() * 250) * 1000,
    state: 1 + Math.floor(draw() * 3),
  }));
  await addStates(database, "a", changes);
  await addStates(database, "b", [{ timeUs: startUs, state: 4 }]);
  // toSorted is stable: equal times keep their order of arrival.
  const expected = toIntervals(changes.toSorted((a, b) => a.timeUs - b.timeUs)).map(
    ({ startUs: from, endUs, state }) => ({
      state: ["UNKNOWN", "ACTIVE", "IDLE", "FAULT", "OFF"][state]!,
      from: String(from),
      until: endUs === undefined ? null : String(endUs),
      seconds: endUs === undefined ? null : (endUs - from) / 1e6,
    }),
  );
  const intervals =
    await database.query(`select state, to_us(start_time) as from, to_us(end_time) as until, seconds
    from millrace_v1.state_intervals where machine = 'a' order by start_time`);
  expect(expected.length).toBeGreaterThan(100);
  expect(
    intervals.map((row) => ({
      ...row,
      seconds: row.seconds === null ? null : Number(row.seconds),
    })),
  ).toEqual(expected);
  const open = await database.query(
    "select machine, state, start_time, end_time, seconds from millrace_v1.state_intervals where machine = 'b'",
  );
  expect(open).toEqual([
    { machine: "b", state: "OFF", start_time: start, end_time: null, seconds: null },
  ]);
});

it("state intervals end at the newest commit: what begins later is not there, what would end later lasts", async () => {
  const { us } = (await database.query("select to_us(date_trunc('second', now())) as us"))[0]!;
  const nowUs = Number(us);
  await addStates(database, "a", [
    { timeUs: nowUs - 400e6, state: 1 },
    { timeUs: nowUs - 100e6, state: 2 },
    { timeUs: nowUs + 280e6, state: 3 },
    { timeUs: nowUs + 300e6, state: 2 },
  ]);
  const intervals = async () => {
    const rows = await database.query(
      "select state, to_us(start_time) as us, seconds from millrace_v1.state_intervals order by start_time",
    );
    return rows.map(({ state, us: start, seconds }) =>
      [state, (Number(start) - nowUs) / 1e6, seconds].join(" "),
    );
  };
  await addReceipt(database, { revision: 2, secondsAgo: 50 });
  expect(await intervals()).toEqual(["ACTIVE -400 300", "IDLE -100 "]);
  // A segment without a commit yet.
  await database.query("insert into log_segment (segment, first_revision) values (2, 3)");
  expect(await intervals()).toEqual(["ACTIVE -400 300", "IDLE -100 "]);
  await database.query("delete from log_segment where segment = 2");
  // The clock of the committing session has passed them.
  await addReceipt(database, { revision: 3, secondsAgo: -290 });
  expect(await intervals()).toEqual(["ACTIVE -400 300", "IDLE -100 380", "FAULT 280 "]);
});

it("state changes and error reports have words for numbers, also for numbers to come", async () => {
  await addStates(database, "a", [
    { timeUs: startUs, state: 3 },
    { timeUs: startUs + 1, state: 9 },
  ]);
  expect(await database.query("select * from millrace_v1.state_changes order by time")).toEqual([
    { time: start, machine: "a", state: "FAULT", reason: "because 1" },
    { time: "2025-10-09 00:00:00.000001+00", machine: "a", state: "UNKNOWN", reason: "because 1" },
  ]);
  await database.query(
    `insert into error_report (revision, time_us, machine_id, position, severity, code, message)
    select 1, $1::bigint + n, id, 0, n, 'E' || n, 'broke' from machine, generate_series(1, 5) n`,
    [startUs],
  );
  const reports = await database.query(
    "select machine, severity, code, message from millrace_v1.error_reports where time > $1 order by time",
    [start],
  );
  expect(reports.map(({ severity }) => severity)).toEqual([
    "INFO",
    "WARNING",
    "ERROR",
    "CRITICAL",
    "UNKNOWN",
  ]);
  expect(reports[0]).toEqual({ machine: "a", severity: "INFO", code: "E1", message: "broke" });
});

it("latest is the newest by time, then by commit, out of history, log and events", async () => {
  const power = await addSeries(database, { machine: "a", signal: "power" });
  const idle = await addSeries(database, { machine: "a", signal: "speed", unit: "rpm" });
  await addSeries(database, { machine: "a", signal: "unheard" });
  await addSeries(database, { machine: "a", signal: "error", kind: 2 });
  await addStates(database, "a", [
    { timeUs: startUs, state: 1 },
    { timeUs: startUs, state: 2 },
    { timeUs: startUs - 5, state: 3 },
  ]);
  await database.query(
    `insert into error_report (revision, time_us, machine_id, position, severity, code, message)
    select 1, $1, id, n, n, 'E' || n, 'broke' from machine, generate_series(1, 4) n`,
    [startUs],
  );
  await database.query("insert into watermark (revision) values (5)");
  const at = (timeUs: number, value: number) => ({
    timesUs: Float64Array.of(timeUs - 1, timeUs),
    values: Float64Array.of(0, value),
  });
  await addBlock(database, {
    seriesId: power,
    watermark: 5,
    bucketUs: startUs,
    column: at(startUs + 9, 1),
  });
  const gone = await addBlock(database, {
    seriesId: idle,
    watermark: 5,
    bucketUs: startUs + minuteUs,
    column: at(startUs + minuteUs, 66),
  });
  await database.query(
    "insert into block_end (block_id, series_id, bucket_us, ended_at) values ($1, $2, 0, 5)",
    [gone, idle],
  );
  await addBlock(database, {
    seriesId: idle,
    watermark: 5,
    bucketUs: startUs,
    column: at(startUs, 2),
  });
  await addCommit(database, { seriesId: idle, revision: 5, column: at(startUs + 50, 77) });
  await addCommit(database, { seriesId: power, revision: 6, column: at(startUs + 8, 3) });

  const latest = async () => {
    const rows =
      await database.query(`select signal, unit, to_us(time) - ${startUs} as us, coalesce(value::text, state, severity || ' ' || code) as what,
      reason, message from millrace_v1.latest where machine = 'a' order by signal`);
    return rows.map(({ signal, unit, us, what, reason, message }) =>
      [signal, unit, us, what, reason, message].join("|"),
    );
  };
  const others = ["error||0|CRITICAL E4||broke", "speed|rpm|0|2||", "state||0|IDLE|because 1|"];
  expect(await latest()).toEqual([others[0], "power|W|9|1||", others[1], others[2]]);
  await addCommit(database, { seriesId: power, revision: 8, column: at(startUs + 9, 4) });
  await addCommit(database, { seriesId: power, revision: 7, column: at(startUs + 9, 5) });
  expect(await latest()).toEqual([others[0], "power|W|9|4||", others[1], others[2]]);
});

it("machines and signals are the catalogue", async () => {
  await addSeries(database, {
    machine: "b",
    signal: "temperature",
    unit: "°C",
    maxGapUs: 2_500_000,
  });
  await addSeries(database, { machine: "a", signal: "state", kind: 1 });
  await addSeries(database, { machine: "a", signal: "power" });
  await addSeries(database, { machine: "a", signal: "error", kind: 2 });
  expect(
    await database.query(
      "select machine, signals, first_seen_time <= now() as seen from millrace_v1.machines order by machine",
    ),
  ).toEqual([
    { machine: "a", signals: "{error,power,state}", seen: "t" },
    { machine: "b", signals: "{temperature}", seen: "t" },
  ]);
  const rows = await database.query("select * from millrace_v1.signals order by machine, signal");
  expect(rows.map((row) => Object.values(row).join("|"))).toEqual([
    "a|error|EVENT|||||||KEEP",
    "a|power|NUMERIC|W|1|60|f|LINEAR|1s|KEEP",
    "a|state|STATE|||||||KEEP",
    "b|temperature|NUMERIC|°C|2.5|3600|f|LINEAR|2.5s|KEEP",
  ]);
});

it("time and energy by state come from the newest roll-up of an hour", async () => {
  await addSeries(database, { machine: "a", signal: "power" });
  const add = (validFrom: number, widthUs: number, transitions: number | null, active: number) =>
    database.query(
      `insert into rollup_state (valid_from, start_us, width_us, machine_id, transitions, time_us, covered_us, integral)
       select $1, $2, $3, id, $4::int, case when $4::int is not null then array[0, $5::int8 * 1000000, 600000000, 0, 5] end,
         case when $4::int is not null then array[0, 1800000000, 0, 0, 5] end, case when $4::int is not null then array[0, 7.2e6, 0, 0, 1e-320] end from machine`,
      [validFrom, startUs, widthUs, transitions, active],
    );
  await add(1, hourUs, 3, 1000);
  await add(2, hourUs, 3, 3000);
  await add(3, minuteUs, 1, 60);
  const columns = "machine, time, state, seconds, kwh, covered_seconds";
  expect(
    await database.query(`select ${columns} from millrace_v1.state_hours order by state`),
  ).toEqual([
    {
      machine: "a",
      time: start,
      state: "ACTIVE",
      seconds: "3000",
      kwh: "2",
      covered_seconds: "1800",
    },
    { machine: "a", time: start, state: "IDLE", seconds: "600", kwh: null, covered_seconds: "0" },
    {
      machine: "a",
      time: start,
      state: "OFF",
      seconds: "5e-06",
      kwh: "0",
      covered_seconds: "5e-06",
    },
  ]);
  const kwhIn = async (unit: string) => {
    await database.query("update series set unit = $1 where signal = 'power'", [unit]);
    return (
      await database.query("select kwh from millrace_v1.state_hours where state = 'ACTIVE'")
    )[0]!.kwh;
  };
  expect([await kwhIn(""), await kwhIn("kW"), await kwhIn("kVA")]).toEqual(["2", "2000", null]);
  await add(4, hourUs, null, 0);
  expect(await database.query("select * from millrace_v1.state_hours")).toEqual([]);
});
