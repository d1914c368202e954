// Retention drops whole weeks as partitions when all of them is too old, and holds nobody up.
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { toRetention } from "../domain/retention.ts";
import { column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";
import { dayMs, fill, nowUs, retainNow, sample, stored } from "../testing/retention.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clearPartitions());

const partitions = async () =>
  (
    await history.query<{ name: string }>(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'block'::regclass order by 1",
    )
  ).map(({ name }) => name);

async function session(): Promise<{ client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: history.url });
  client.on("error", () => {});
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

test("weeks that are over for all signals go as partitions; the rest of what is too old goes by series", async () => {
  await fill(history);
  const before = (await partitions()).length;
  await retainNow(history, {
    retention: toRetention(45 * dayMs, [{ signal: "power", ms: 10 * dayMs }]),
  });
  expect(await stored(history)).toEqual({ power: [1, 5], oil: [1, 5, 20, 40] });
  expect((await partitions()).length).toBe(before - 1);
});

test("a partition that goes keeps nobody waiting who does not use it, and comes back for what arrives late", async () => {
  await fill(history, ["power"]);
  await using reader = await session();
  await reader.client.query("begin; select count(*) from block");
  const retaining = retainNow(history, { retention: toRetention(45 * dayMs, []) });
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
  expect(await stored(history)).toEqual({ power: [1, 2, 5, 20, 40] });
  expect(await waiting()).toBe(1);
  await reader.client.query("commit");
  await retaining;
  await history.ingest(sample("power", 60));
  expect(await history.compact()).toMatchObject({ samples: 1 });
  expect(await stored(history)).toEqual({ power: [1, 2, 5, 20, 40, 60] });
});

test.for(["detached", "pending"])(
  "late data for a week whose drop was stopped while it was %s makes it anew",
  async (how) => {
    await fill(history, ["power"]);
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
    expect(await stored(history)).toEqual({ power: [1, 5, 20, 40, 60.01] });
  },
);

test("a partition goes when its last moment is too old, and no sooner", async () => {
  // The week that ends at 2026-05-28T00:00Z, and one sample at its last microsecond.
  const endUs = Date.UTC(2026, 4, 28) * 1000;
  await history.ingest({ machine: "m", samples: [column("power", [[endUs - 1, 1]])] });
  await history.settle();
  const slackUs = 2 * 3_600e6;
  const ms = 10 * dayMs;
  const at = async (now: number) => {
    await retainNow(history, { nowUs: () => now, retention: toRetention(ms, []) });
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
  await retainNow(history, { retention: toRetention(ms, []) });
  expect((await stored(history))["power"]!.length).toBe(2);
});

test("what is too old goes to its last block, however few are dropped at once", async () => {
  const weekUs = 7 * dayMs * 1000;
  for (const week of [200, 199, 198, 197, 196])
    await history.ingest({
      machine: "m",
      samples: [column("power", [[nowUs - week * weekUs, week]])],
    });
  await history.settle();
  const ms = (196 * weekUs + 3_600e6) / 1000;
  await retainNow(history, { retention: toRetention(ms, []), maxDropped: 1 });
  expect((await stored(history))["power"]!.length).toBe(1);
});
