// Hints of other accessors' commits: a connection that ends is made again, hints come through the
// new one, and none is forgotten.
import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import type { BatchInit } from "../testing/batches.ts";
import { type PollOptions, startPolling } from "./poll.ts";

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

test("each commit of another accessor is learned of by a hint, long before the next poll", async () => {
  await using accessor = await openTestAccessor({ pollMs: 600_000 });
  await using other = await openTestAccessor({ databaseUrl: accessor.databaseUrl });
  const feed = other.signals.watchSignals({})[Symbol.asyncIterator]();
  await feed.next();
  const watched = accessor.signals.watchSignals({})[Symbol.asyncIterator]();
  await watched.next();
  for (const machine of ["a", "b", "c"]) {
    const batch: BatchInit = {
      machine,
      stateChanges: [{ time: { seconds: 1_772_352_000n, nanos: 0 }, state: 1 }],
    };
    await other.ingest.ingestBatch({ producerId: machine, sequence: 1n, batch });
    let update = await watched.next();
    while (update.value!.batches.length === 0) update = await watched.next();
    expect(update.value!.batches[0]).toMatchObject({ machine });
  }
});

test("a hint that comes while the database is being asked has it asked again at once", async () => {
  const client = Object.assign(new EventEmitter(), { query: async () => {}, end: async () => {} });
  const answers: (() => void)[] = [];
  const database = {
    connect: async () => client,
    read: () => new Promise((resolve) => answers.push(() => resolve([[1, 1, true, 1]]))),
  };
  const options = {
    database,
    tail: { head: { revision: 1 }, notice() {} },
    epochs: { async follow() {} },
    log: createLog({ name: "poll", level: "silent" }),
    pollMs: 600_000,
    hintMs: 1,
    onPoll() {},
    onSetBack() {},
  } as unknown as PollOptions;
  await using _polling = startPolling(options);
  await eventually("it asks", () => answers.length === 1);
  client.emit("notification");
  answers[0]!();
  await eventually("it asks again", () => answers.length === 2);
  answers[1]!();
});
