// Compaction is done by one at a time, among steps of one accessor and among accessors.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { Failure } from "../domain/failure.ts";
import { oneSample } from "../testing/batches.ts";
import { forEver, quiet, roomy, TestHistory } from "../testing/history.ts";
import { startCompactor } from "./compactor.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

test("of steps at the same time one is done, and the others say that they are not", async () => {
  for (let round = 1; round <= 5; round++) {
    await history.ingest(oneSample(2 * round));
    await history.ingest(oneSample(2 * round + 1));
    const steps = await Promise.allSettled([
      history.compact(),
      history.compact(),
      history.compact({ maxRows: 1 }),
    ]);
    const done = steps.filter(
      (step) => step.status === "fulfilled" && step.value !== undefined && step.value.samples > 0,
    );
    expect(done.length).toBeGreaterThanOrEqual(1);
    for (const step of steps)
      if (step.status === "rejected") expect(step.reason).toBeInstanceOf(Failure);
    while (((await history.compact())?.samples ?? 0) > 0);
    const [stored] = await history.query(
      "select sum(count)::int as samples from block b where not exists (select from block_end e where e.block_id = b.block_id)",
    );
    expect(stored).toEqual({ samples: 2 * round });
  }
});

test("among accessors one compacts, until it goes", async () => {
  const start = () =>
    startCompactor({
      ...roomy,
      database: history.database,
      catalog: history.catalog,
      nowUs: () => Date.now() * 1000,
      log: quiet,
      settleUs: 0,
      retention: forEver,
      rollupRetentionMs: undefined,
      compactIntervalMs: 10,
      maxDropped: 100,
      logWindowMs: 86_400_000,
      maxLogBytes: 2 ** 40,
      segmentMs: 86_400_000,
      segmentBytes: 2 ** 40,
      supersededMs: 1_200_000,
    });
  const holders = () =>
    history.query<{ pid: number }>(
      `select pid from pg_locks where locktype = 'advisory' and classid = 7201 and objid = 3 and granted
       and database = (select oid from pg_database where datname = current_database())`,
    );
  const compacted = (revision: number) =>
    eventually(`${revision} is compacted`, async () => {
      const [row] = await history.query<{ watermark: number }>(
        "select max(revision)::int as watermark from watermark",
      );
      return row!.watermark === revision;
    });
  const one = start();
  await eventually("one holds the lock", async () => (await holders()).length === 1);
  await using _other = start();
  await history.ingest(oneSample(1));
  await compacted(1);
  const [first] = await holders();
  await one[Symbol.asyncDispose]();
  await history.ingest(oneSample(2));
  await compacted(2);
  // In the moment in which the lock is given up, a step is made without it.
  let second: { pid: number } | undefined;
  await eventually("the other holds the lock", async () => {
    [second] = await holders();
    return second !== undefined && second.pid !== first!.pid;
  });
  // A connection that breaks gives the lock up, and takes it again.
  await history.query("select pg_terminate_backend($1)", [second!.pid]);
  await history.ingest(oneSample(3));
  await compacted(3);
});
