// Hints of other accessors' commits: a connection that ends is made again, and hints come through the new one.
import { expect, test } from "vitest";
import { eventually } from "../../test/support/eventually.ts";
import { openTestAccessor } from "../test-accessor.ts";
import type { BatchInit } from "../test-batches.ts";

test("after its session was ended, an accessor listens for commits again", async () => {
  await using accessor = await openTestAccessor({ pollMs: 20 });
  const listeners = async () => {
    const rows = await accessor.query(`
      select pid from pg_stat_activity where datname = current_database() and query = 'listen millrace_commit'`);
    return rows.map(({ pid }) => pid as number);
  };
  await eventually("it listens", async () => (await listeners()).length === 1);
  for (let round = 0; round < 2; round++) {
    const [before] = await listeners();
    await accessor.query("select pg_terminate_backend($1)", [before]);
    await eventually("it listens on another session", async () => {
      const now = await listeners();
      return now.length === 1 && now[0] !== before;
    });
  }
});

test("a commit of another accessor is learned of by the hint, long before the next poll", async () => {
  await using accessor = await openTestAccessor({ pollMs: 600_000 });
  await using other = await openTestAccessor({ databaseUrl: accessor.databaseUrl });
  const feed = other.signals.watchSignals({})[Symbol.asyncIterator]();
  await feed.next();
  const watched = accessor.signals.watchSignals({})[Symbol.asyncIterator]();
  await watched.next();
  const batch: BatchInit = { machine: "m", stateChanges: [{ time: { seconds: 1_772_352_000n, nanos: 0 }, state: 1 }] };
  await other.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  for (;;) {
    const { value } = await watched.next();
    if (value!.batches.length === 0) continue;
    expect(value!.batches[0]).toMatchObject({ machine: "m" });
    return;
  }
});
