// Retention: what is too old goes, whole weeks at once and the rest by series, and nothing else;
// ingest refuses what would go at once.
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { readSettings } from "../../runtime/config.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { accessorSettings } from "../config.ts";
import { toRetention } from "../domain/retention.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, column } from "../testing/batches.ts";
import { quiet, TestHistory, unaborted } from "../testing/history.ts";
import { type RetainOptions, retain } from "./retain.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clearPartitions());

const dayMs = 86_400_000;
/** A Friday. */
const nowUs = Date.UTC(2026, 5, 5, 12, 30) * 1000;
const daysAgo = (days: number) => nowUs - days * dayMs * 1000;

const retainNow = (options: Partial<RetainOptions>) =>
  retain({
    ...{
      database: history.database,
      catalog: history.catalog,
      log: quiet,
      nowUs: () => nowUs,
      abort: unaborted,
    },
    ...{ retention: toRetention(undefined, []), rollupRetentionMs: undefined, maxDropped: 2 },
    ...options,
  });

const sample = (signal: string, days: number) => ({
  machine: "m",
  // Else a line would reach over hours, which would all be rolled up.
  samples: [{ ...column(signal, [[daysAgo(days), days]]), maxGap: { seconds: 1n } }],
});
const days = [1, 5, 20, 40, 60];

async function fill(signals = ["power", "oil"]): Promise<void> {
  for (const day of days) for (const signal of signals) await history.ingest(sample(signal, day));
  await history.settle();
}

const partitions = async () =>
  (
    await history.query<{ name: string }>(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'block'::regclass order by 1",
    )
  ).map(({ name }) => name);

/** Ages in days of what is stored, by signal. */
async function stored(): Promise<Record<string, number[]>> {
  const rows = await history.query<{ signal: string; time: string }>(
    "select signal, first_us as time from block join series on series.id = series_id order by signal, first_us desc",
  );
  const found: Record<string, number[]> = {};
  for (const { signal, time } of rows) {
    found[signal] ??= [];
    found[signal].push((nowUs - Number(time)) / dayMs / 1000);
  }
  return found;
}

test("without retention nothing goes", async () => {
  await fill();
  await retainNow({});
  expect(await stored()).toEqual({ power: days, oil: days });
});

test("weeks that are over for all signals go as partitions; the rest of what is too old goes by series", async () => {
  await fill();
  const before = (await partitions()).length;
  await retainNow({ retention: toRetention(45 * dayMs, [{ signal: "power", ms: 10 * dayMs }]) });
  expect(await stored()).toEqual({ power: [1, 5], oil: [1, 5, 20, 40] });
  expect((await partitions()).length).toBe(before - 1);
});

test("a signal that is named is kept longer than the others, or for ever beside none", async () => {
  await fill();
  await retainNow({ retention: toRetention(10 * dayMs, [{ signal: "oil", ms: 50 * dayMs }]) });
  expect(await stored()).toEqual({ power: [1, 5], oil: [1, 5, 20, 40] });
  await retainNow({ retention: toRetention(undefined, [{ signal: "oil", ms: 3 * dayMs }]) });
  expect(await stored()).toEqual({ power: [1, 5], oil: [1] });
});

test("events go by their own names; the state that a machine is in stays", async () => {
  for (const day of [60, 50, 40, 3])
    await history.ingest({
      machine: "m",
      stateChanges: [{ time: at(daysAgo(day)), state: MachineState.IDLE }],
      errorReports: [{ time: at(daysAgo(day)), severity: Severity.ERROR, code: `E${day}` }],
    });
  await history.ingest({
    machine: "silent",
    stateChanges: [{ time: at(daysAgo(300)), state: MachineState.OFF }],
  });
  await retainNow({ retention: toRetention(45 * dayMs, [{ signal: "state", ms: 30 * dayMs }]) });
  const ages =
    "(select array_agg(($1::bigint - time_us) / 86400000000 order by time_us desc)::int[] from";
  const [left] = await history.query(
    `select ${ages} state_change) as states, ${ages} error_report) as errors`,
    [nowUs],
  );
  expect(left).toEqual({ states: [3, 40, 300], errors: [3, 40] });
});

test("roll-ups are kept on their own, longer than what they are the sum of", async () => {
  await fill(["power"]);
  await retainNow({ retention: toRetention(10 * dayMs, []), rollupRetentionMs: 30 * dayMs });
  expect(await stored()).toEqual({ power: [1, 5] });
  const [left] = await history.query(
    `select (select count(*)::int from rollup_hour) as hours, (select count(*)::int from rollup_state where width_us = 3600000000) as states,
       (select count(*)::int from rollup_state where width_us = 60000000) as minutes`,
  );
  expect(left).toEqual({ hours: 3, states: 3, minutes: 180 });
});

test("late states leave hours alone whose power is kept no longer", async () => {
  await fill(["power"]);
  const retention = toRetention(undefined, [{ signal: "power", ms: 10 * dayMs }]);
  await retainNow({ retention });
  const rolledUp = "select * from rollup_state order by machine_id, width_us, start_us, valid_from";
  const before = await history.query(rolledUp);
  await history.ingest({
    machine: "m",
    stateChanges: [{ time: at(daysAgo(41)), state: MachineState.ACTIVE }],
  });
  await history.compact({ retention, nowUs: () => nowUs, maxRollups: 0 });
  const after = await history.query<{ start_us: string; transitions: number | null }>(rolledUp);
  const ended = after
    .filter(({ transitions }) => transitions === null)
    .map(({ start_us }) => Number(start_us));
  expect(ended.length).toBeGreaterThan(0);
  expect(Math.min(...ended)).toBeGreaterThan(daysAgo(10.1));
  expect(after.filter(({ transitions }) => transitions !== null)).toEqual(before);
});

test("a partition that goes keeps nobody waiting who does not use it, and comes back for what arrives late", async () => {
  await fill(["power"]);
  await using reader = await session();
  await reader.client.query("begin; select count(*) from block");
  const retaining = retainNow({ retention: toRetention(45 * dayMs, []) });
  const waiting = async () =>
    (
      await history.query(
        "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      )
    ).length;
  await eventually("the drop waits", waiting);
  // A step inserts, reads and makes partitions beside it.
  await history.ingest(sample("power", 2));
  expect(await history.compact()).toMatchObject({ samples: 1 });
  expect(await stored()).toEqual({ power: [1, 2, 5, 20, 40] });
  expect(await waiting()).toBe(1);
  await reader.client.query("commit");
  await retaining;
  await history.ingest(sample("power", 60));
  expect(await history.compact()).toMatchObject({ samples: 1 });
  expect(await stored()).toEqual({ power: [1, 2, 5, 20, 40, 60] });
});

test.for(["detached", "pending"])(
  "late data for a week whose drop was stopped while it was %s makes it anew",
  async (how) => {
    await fill(["power"]);
    const [oldest] = await partitions();
    if (how === "pending") {
      await using reader = await session();
      await reader.client.query(`begin; select count(*) from ${oldest}`);
      await using detacher = await session();
      await detacher.client.query("set lock_timeout = '100ms'");
      await expect(
        detacher.client.query(`alter table block detach partition ${oldest} concurrently`),
      ).rejects.toThrow();
      await reader.client.query("rollback");
    } else {
      await history.query(`alter table block detach partition ${oldest} concurrently`);
    }
    await history.ingest(sample("power", 60.01));
    expect(await history.compact()).toMatchObject({ samples: 1 });
    expect(await stored()).toEqual({ power: [1, 5, 20, 40, 60.01] });
  },
);

test("ingest refuses what is older than its signal is kept", async () => {
  const { retain: named } = readSettings(
    { name: "", about: "", settings: { retain: accessorSettings.retain } },
    ["--retain=power=1h", "--retain", "error=2h"],
    {},
  );
  const compaction = {
    compactIntervalMs: 3_600_000,
    logWindowMs: dayMs,
    maxLogBytes: 2 ** 34,
    rollupRetentionMs: undefined,
  };
  await using accessor = await openTestAccessor({
    history: { ...compaction, retentionMs: 3 * 3_600_000, retain: named },
  });
  const ago = (minutes: number) => Date.now() * 1000 - minutes * 60_000_000;
  const ages = [59, 61, 119, 121, 179, 181];
  const samples = (signal: string) =>
    column(
      signal,
      ages.map((age) => [ago(age), age] as const),
    );
  const { result } = await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: 1n,
    batch: {
      machine: "m",
      samples: [samples("power"), samples("oil")],
      errorReports: ages.map((age) => ({ time: at(ago(age)), severity: Severity.INFO, code: "E" })),
      stateChanges: ages.map((age) => ({ time: at(ago(age)), state: MachineState.IDLE })),
    },
  });
  expect(result!.verdicts.every(({ reason }) => reason === ErrorReason.TIME_TOO_OLD)).toBe(true);
  const kept = async (signal: string) =>
    (await accessor.signals.querySignals({ signal })).signals.length;
  expect([
    await kept("power"),
    await kept("error"),
    await kept("oil"),
    await kept("state"),
  ]).toEqual([1, 3, 5, 5]);
});

test("a partition goes when its last moment is too old, and no sooner", async () => {
  // The week that ends at 2026-05-28T00:00Z, and one sample at its last microsecond.
  const endUs = Date.UTC(2026, 4, 28) * 1000;
  await history.ingest({ machine: "m", samples: [column("power", [[endUs - 1, 1]])] });
  await history.settle();
  const slackUs = 2 * 3_600e6;
  const ms = 10 * dayMs;
  const at = async (now: number) => {
    await retainNow({ nowUs: () => now, retention: toRetention(ms, []) });
    const [row] = await history.query<{ blocks: number }>(
      "select count(*)::int as blocks from block",
    );
    return [row!.blocks, (await partitions()).length];
  };
  expect(await at(endUs + ms * 1000 + slackUs - 1)).toEqual([1, 1]);
  expect(await at(endUs + ms * 1000 + slackUs)).toEqual([0, 0]);
});

test("a partition of many weeks gives back what is too old before all of it is", async () => {
  const weekUs = 7 * dayMs * 1000;
  const oldUs = nowUs - 200 * weekUs;
  for (const week of [0, 1, 2])
    await history.ingest({
      machine: "m",
      samples: [column("power", [[oldUs + week * weekUs, week]])],
    });
  await history.settle();
  expect((await partitions()).length).toBeLessThanOrEqual(2);
  const ms = (199 * weekUs + 3_600e6) / 1000;
  await retainNow({ retention: toRetention(ms, []) });
  expect((await stored())["power"]!.length).toBe(2);
});

test("retention goes through very many series, a thousand at a time", {
  timeout: 120_000,
}, async () => {
  await history.ingest(sample("power", 20));
  await history.settle();
  const count = 130_000;
  await history.query(
    `with more as (insert into machine (name) values ('many') returning id)
     insert into series (machine_id, signal, kind, unit, max_gap_us) select id, 's' || n, 3, 'W', 1000000 from more, generate_series(1, $1::int) n`,
    [count],
  );
  await history.query(
    `insert into block (valid_from, bucket_us, first_us, last_us, min_us, max_us, covered_us, sum, min, max, first, last, integral, series_id, count, payload, commits)
     select b.valid_from, b.bucket_us, b.first_us, b.last_us, 0, 0, 0, 0, 0, 0, 0, 0, 0, s.id, 1, b.payload, b.commits
     from block b, series s where s.signal like 's%' and s.kind = 3 and s.signal <> 'state' and s.id % 100 = 0`,
  );
  history.catalog.markStale();
  let statements = 0;
  const { database } = history;
  const counted = {
    ...database,
    compact: (...query: Parameters<typeof database.compact>) => {
      statements++;
      return database.compact(...query);
    },
  };
  const retention = toRetention(10 * dayMs, [{ signal: "power", ms: 100 * dayMs }]);
  await retainNow({ database: counted, retention, maxDropped: 10_000 });
  expect(await stored()).toEqual({ power: [20] });
  expect(statements).toBeLessThan(300);
});

async function session(): Promise<{ client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: history.url });
  client.on("error", () => {});
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

test("what is too old goes to its last block, however few are dropped at once", async () => {
  const weekUs = 7 * dayMs * 1000;
  for (const week of [200, 199, 198, 197, 196])
    await history.ingest({
      machine: "m",
      samples: [column("power", [[nowUs - week * weekUs, week]])],
    });
  await history.settle();
  const ms = (196 * weekUs + 3_600e6) / 1000;
  await retainNow({ retention: toRetention(ms, []), maxDropped: 1 });
  expect((await stored())["power"]!.length).toBe(1);
});
