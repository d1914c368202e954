// Retention: what is too old goes, by series, and nothing else; ingest refuses what would go at
// once.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { readSettings } from "../../runtime/config.ts";
import { accessorSettings } from "../config.ts";
import { toRetention } from "../domain/retention.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";
import {
  dayMs,
  days,
  daysAgo,
  fill,
  nowUs,
  retainNow,
  sample,
  stored,
} from "../testing/retention.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clearPartitions());

test("without retention nothing goes", async () => {
  await fill(history);
  await retainNow(history, {});
  expect(await stored(history)).toEqual({ power: days, oil: days });
});

test("a signal that is named is kept longer than the others, or for ever beside none", async () => {
  await fill(history);
  await retainNow(history, {
    retention: toRetention(10 * dayMs, [{ signal: "oil", ms: 50 * dayMs }]),
  });
  expect(await stored(history)).toEqual({ power: [1, 5], oil: [1, 5, 20, 40] });
  await retainNow(history, {
    retention: toRetention(undefined, [{ signal: "oil", ms: 3 * dayMs }]),
  });
  expect(await stored(history)).toEqual({ power: [1, 5], oil: [1] });
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
  await retainNow(history, {
    retention: toRetention(45 * dayMs, [{ signal: "state", ms: 30 * dayMs }]),
  });
  const ages =
    "(select array_agg(($1::bigint - time_us) / 86400000000 order by time_us desc)::int[] from";
  const [left] = await history.query(
    `select ${ages} state_change) as states, ${ages} error_report) as errors`,
    [nowUs],
  );
  expect(left).toEqual({ states: [3, 40, 300], errors: [3, 40] });
});

test("roll-ups are kept on their own, longer than what they are the sum of", async () => {
  await fill(history, ["power"]);
  await retainNow(history, {
    retention: toRetention(10 * dayMs, []),
    rollupRetentionMs: 30 * dayMs,
  });
  expect(await stored(history)).toEqual({ power: [1, 5] });
  const [left] = await history.query(
    `select (select count(*)::int from rollup_hour) as hours, (select count(*)::int from rollup_state where width_us = 3600000000) as states,
       (select count(*)::int from rollup_state where width_us = 60000000) as minutes`,
  );
  expect(left).toEqual({ hours: 3, states: 3, minutes: 180 });
});

test("late states leave hours alone whose power is kept no longer", async () => {
  await fill(history, ["power"]);
  const retention = toRetention(undefined, [{ signal: "power", ms: 10 * dayMs }]);
  await retainNow(history, { retention });
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
  await retainNow(history, { database: counted, retention, maxDropped: 10_000 });
  expect(await stored(history)).toEqual({ power: [20] });
  expect(statements).toBeLessThan(300);
});
