// Named numbers in SQL equal those of TypeScript and of the contract, and cost nothing.
import { afterAll, beforeAll, expect, test } from "vitest";
import { SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { hourUs, minuteUs } from "../history/buckets-of-time.ts";
import { openSqlFixture, type SqlFixture } from "../testing/sql-database.ts";
import { dayUs } from "./block-spans.ts";
import { advisoryLocks, lockSpace } from "./locks.ts";

let fixture: SqlFixture;
beforeAll(async () => {
  fixture = await openSqlFixture();
});
afterAll(() => fixture[Symbol.asyncDispose]());

test("each has one value", async () => {
  const expected: Record<string, number> = {
    us_per_minute: minuteUs,
    us_per_hour: hourUs,
    us_per_day: dayUs,
    us_per_week: 7 * dayUs,
    earliest_us: Number.MIN_SAFE_INTEGER,
    latest_us: Number.MAX_SAFE_INTEGER,
    kind_state: SignalKind.STATE,
    kind_event: SignalKind.EVENT,
    kind_numeric: SignalKind.NUMERIC,
    sample_type_linear: SampleType.LINEAR,
    sample_type_step: SampleType.STEP,
    sample_type_counter: SampleType.COUNTER,
    lock_space: lockSpace,
    lock_of_revisions: advisoryLocks.revisions,
    lock_of_migrations: advisoryLocks.migrations,
    lock_of_compactor: advisoryLocks.compactor,
    lock_of_compaction: advisoryLocks.compaction,
  };
  const names = await fixture.query<{ name: string }>(
    "select proname as name from pg_proc where pronargs = 0 and provolatile = 'i' and pronamespace = 'public'::regnamespace",
  );
  expect(names.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
  const [row] = await fixture.query(
    `select ${Object.keys(expected)
      .map((name) => `${name}()`)
      .join(", ")}`,
  );
  expect(
    Object.fromEntries(Object.entries(row!).map(([name, value]) => [name, Number(value)])),
  ).toEqual(expected);
});

test("a plan has the number in place of the call", async () => {
  const plan = await fixture.query<{ "QUERY PLAN": string }>(
    `explain (verbose, costs off)
     select hour_us + us_per_hour() from rollup_due where hour_us < earliest_us() + us_per_day()`,
  );
  const text = plan.map((line) => line["QUERY PLAN"]).join("\n");
  expect(text).toContain("3600000000");
  expect(text).not.toMatch(/us_per|earliest/);
});
