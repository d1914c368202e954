// The days and minutes that the SQL views are looked up by: made for new samples by a step, for
// many days and for a database from before by tidying, and dropped with what they stand for.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { toRetention } from "../domain/retention.ts";
import { column } from "../testing/batches.ts";
import { quiet, TestHistory, unaborted } from "../testing/history.ts";
import { retain } from "./retain.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clearPartitions());

const dayMs = 86_400_000;
const nowUs = Date.UTC(2026, 5, 5, 12, 30) * 1000;
const maxGaps = { power: 1n, oil: 60n };

async function fill(days: readonly number[]): Promise<void> {
  for (const day of days)
    for (const [signal, seconds] of Object.entries(maxGaps)) {
      const samples = column(signal, [[nowUs - day * dayMs * 1000, day]]);
      await history.ingest({ machine: "m", samples: [{ ...samples, maxGap: { seconds } }] });
    }
  await history.settle();
}

async function kept() {
  const [row] = await history.query(
    `select (select count(*)::int4 from series_day) as days, (select count(*)::int4 from kept_minute) as minutes,
       (select count(*)::int4 from kept_hour) as hours,
       (select count(*)::int4 from kept_minute_day where made) as made,
       (select count(*)::int4 from series_day_due) as due`,
  );
  return row;
}

test("a step makes the minutes of two new days, tidying those of all", async () => {
  await fill([1]);
  expect(await kept()).toEqual({ days: 2, minutes: 1440, hours: 24, made: 1, due: 0 });
  await fill(Array.from({ length: 25 }, (_, day) => day));
  expect(await kept()).toMatchObject({ days: 50 });
  await history.tidy();
  expect(await kept()).toEqual({ days: 50, minutes: 25 * 1440, hours: 25 * 24, made: 25, due: 0 });
});

test("hours that only a line crosses are there before their minutes, so that they add up to days at once", async () => {
  const every = (stepMs: number) =>
    Array.from(
      { length: (120 * dayMs) / stepMs },
      (_, i) => [nowUs - (i + 1) * stepMs * 1000, 1_000] as const,
    );
  const level = column("power", every(dayMs / 12).toReversed());
  await history.ingest({
    machine: "m",
    samples: [{ ...level, unit: "W", maxGap: { seconds: 10_800n } }],
  });
  await history.compactAll();
  const [energy] = await history.query(
    `select (select round(sum(kwh)) from millrace_v1.samples_hour) as hours,
       (select round(sum(kwh)) from millrace_v1.samples_day) as days`,
  );
  expect(energy).toEqual({ hours: 2_878, days: 2_878 });
  expect(await kept()).toMatchObject({ minutes: 2 * 1440, hours: 121 * 24 });
});

test("those of a value that holds are the days after too, which come last while they have not begun", async () => {
  const todayUs = Math.floor(Date.now() / dayMs) * dayMs * 1000;
  const valve = column("valve", [
    [todayUs - dayMs * 1000, 1],
    [todayUs, 2],
  ]);
  await history.ingest({ machine: "m", samples: [{ ...valve, sampleType: SampleType.STEP }] });
  await history.compactAll();
  const made = async () =>
    (
      await history.query<{ us: string }>(
        "select to_us(time) as us from kept_minute_day where made order by time",
      )
    ).map(({ us }) => (Number(us) - todayUs) / (dayMs * 1000));
  expect(await made()).toEqual([-1, 0]);
  expect(await kept()).toMatchObject({ days: 3, minutes: 2 * 1440 });
  await history.tidy();
  expect(await made()).toEqual([-1, 0, 1]);
});

test("those of a database from before come with tidying, from wherever it was stopped", async () => {
  await fill([1, 5, 20]);
  await history.query("truncate series_day, kept_minute, kept_minute_day, kept_hour");
  await history.query("insert into series_day_due select id from series where kind = 3");
  await history.query("select note_days_before(1)");
  expect(await kept()).toMatchObject({ days: 3, due: 1 });
  await history.tidy();
  expect(await kept()).toEqual({ days: 6, minutes: 3 * 1440, hours: 3 * 24, made: 3, due: 0 });
});

test("they go once nothing of them is left", async () => {
  await fill([1, 5, 20, 40, 60]);
  await history.tidy();
  const options = {
    database: history.database,
    catalog: history.catalog,
    log: quiet,
    nowUs: () => nowUs,
    abort: unaborted,
    retention: toRetention(30 * dayMs, [{ signal: "power", ms: 10 * dayMs }]),
    maxDropped: 1_000,
  };
  // Roll-ups are kept for ever, and days with them.
  await retain({ ...options, rollupRetentionMs: undefined });
  expect(await kept()).toEqual({ days: 10, minutes: 3 * 1440, hours: 3 * 24, made: 3, due: 0 });
  await retain({ ...options, rollupRetentionMs: 50 * dayMs });
  expect(await kept()).toEqual({ days: 8, minutes: 3 * 1440, hours: 3 * 24, made: 3, due: 0 });
});
