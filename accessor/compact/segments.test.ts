// The log's segments: rotation, what outlives them, and tidying that was stopped anywhere or is
// kept waiting.

import { create } from "@bufbuild/protobuf";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { WatchSignalsRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { readCommits } from "../store/log.ts";
import { oneSample } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clearPartitions());

/** Opens a segment each time; drops what may go. */
const rotate = { segmentMs: 0 };
const dropAll = { logWindowMs: 0, supersededMs: 0 };

async function commit(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await history.ingest(oneSample(i));
}

async function logTables(): Promise<string[]> {
  const rows = await history.query<{ name: string }>(
    `select c.relname || case when i.inhrelid is null then ' detached' when i.inhdetachpending then ' pending' else '' end as name
     from pg_class c left join pg_inherits i on i.inhrelid = c.oid where c.relkind = 'r' and c.relname ~ '^(log|receipt)_[0-9]+$' order by 1`,
  );
  return rows.map(({ name }) => name);
}

test("segments follow each other under a stream of batches, and feeds read across them", async () => {
  let done = false;
  const sending = (async () => {
    while (!done) await history.ingest(oneSample(1));
  })();
  for (let i = 0; i < 4; i++) {
    const head = async () =>
      Number((await history.query("select max(revision) as head from log"))[0]!.head);
    const before = await head();
    await eventually("there are more commits", async () => (await head()) > before);
    await history.tidy(rotate);
  }
  done = true;
  await sending;
  const segments = await history.query<{ segment: number; rows: number }>(
    "select segment, count(*)::int as rows from log group by segment order by segment",
  );
  expect(segments.length).toBeGreaterThanOrEqual(4);
  const [{ head }] = (await history.query("select max(revision)::int as head from log")) as [
    { head: number },
  ];
  const page = await readCommits(
    history.database,
    { after: 0, through: head },
    { catalog: history.catalog },
  );
  expect(page.commits.map(({ revision }) => revision)).toEqual(
    Array.from({ length: head }, (_, i) => i + 1),
  );
  // No segment begins before the last one ends.
  const [overlap] = await history.query(
    `select count(*)::int as wrong from log_segment s where exists (select from log where segment < s.segment and revision >= s.first_revision)`,
  );
  expect(overlap).toEqual({ wrong: 0 });
});

test("a segment is closed by size as well, but never an empty one", async () => {
  await history.tidy(rotate);
  expect(await logTables()).toEqual(["log_1", "receipt_1"]);
  await commit(1);
  await history.tidy({ segmentBytes: 2 ** 40 });
  expect(await logTables()).toEqual(["log_1", "receipt_1"]);
  await history.tidy({ segmentBytes: 1 });
  expect(await logTables()).toEqual(["log_1", "log_2", "receipt_1", "receipt_2"]);
});

test("numbering outlives receipts: what came before is a duplicate without verdicts, a gap is a gap", async () => {
  await commit(3);
  await history.compactAll();
  await history.tidy(rotate);
  await history.tidy(dropAll);
  expect(await logTables()).toEqual(["log_2", "receipt_2"]);
  const again = (sequence: number) =>
    history.ingestAgain(oneSample(0), { producer: "p", sequence });
  expect(await again(1)).toMatchObject({ outcome: "duplicate", result: null });
  // Without the receipt nobody can say whether the content is the same.
  expect(await again(3)).toMatchObject({ outcome: "duplicate", result: null });
  expect(await again(6)).toMatchObject({ outcome: "gap", expected: 4 });
  expect(await again(4)).toMatchObject({ outcome: "stored", revision: 4 });
});

test("a feed from before the log's beginning is told so, and where the log begins", async () => {
  await commit(3);
  await history.compactAll();
  await history.tidy(rotate);
  await commit(1);
  await history.tidy(dropAll);
  const { service, context } = history.serviceAt(4);
  const cursorOf = async (revision: number) => {
    const asked = history.serviceAt(revision);
    const { value } = await asked.service
      .watchSignals(create(WatchSignalsRequestSchema), asked.context)
      [Symbol.asyncIterator]()
      .next();
    return value.through as string;
  };
  const watch = async (revision: number) => {
    const request = create(WatchSignalsRequestSchema, {
      start: { case: "afterCursor", value: await cursorOf(revision) },
    });
    return service.watchSignals(request, context)[Symbol.asyncIterator]().next();
  };
  const longAgo = create(WatchSignalsRequestSchema, {
    start: { case: "fromCommitTime", value: { seconds: 1n } },
  });
  await expect(
    service.watchSignals(longAgo, context)[Symbol.asyncIterator]().next(),
  ).rejects.toMatchObject({
    reason: "CURSOR_EXPIRED",
  });
  await expect(watch(2)).rejects.toMatchObject({
    reason: "CURSOR_EXPIRED",
    metadata: { earliest_cursor: await cursorOf(3) },
  });
  expect((await watch(3)).done).toBe(false);
});

test("segments stay until they are compacted, until no page needs them, and until the window is over; too large a log goes sooner", async () => {
  await commit(2);
  await history.tidy(rotate);
  await commit(1);
  const kept = ["log_1", "log_2", "receipt_1", "receipt_2"];
  await history.tidy(dropAll);
  expect(await logTables()).toEqual(kept);
  await history.compact();
  await history.tidy({ ...dropAll, supersededMs: 60_000 });
  expect(await logTables()).toEqual(kept);
  await history.tidy({ supersededMs: 0 });
  expect(await logTables()).toEqual(kept);
  await history.tidy({ supersededMs: 0, maxLogBytes: 1 });
  expect(await logTables()).toEqual(["log_2", "receipt_2"]);
});

test("a statement that reads the log keeps a drop waiting, but neither batches nor reads nor feeds", async () => {
  await commit(2);
  await history.compactAll();
  await history.tidy(rotate);
  await using reader = await session();
  await reader.client.query("begin");
  await reader.client.query("select count(*) from log, receipt");
  const tidying = history.tidy(dropAll);
  const waiting = async () =>
    (
      await history.query(
        "select query from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      )
    ).length;
  await eventually("the drop waits", waiting);
  await commit(2);
  const page = await readCommits(
    history.database,
    { after: 2, through: 4 },
    { catalog: history.catalog },
  );
  expect(page.commits).toHaveLength(2);
  expect(await history.compact()).toMatchObject({ samples: 2 });
  // Nobody but the drop waits.
  expect(await waiting()).toBe(1);
  await reader.client.query("commit");
  await tidying;
  expect(await logTables()).toEqual(["log_2", "receipt_2"]);
});

const stops: Record<string, () => Promise<void>> = {
  "a table made and not attached": async () => {
    await history.query(
      "create table log_2 (like log including defaults including storage, check (segment = 2))",
    );
  },
  "attached in the log only": async () => {
    await history.query(
      "create table log_2 (like log including defaults including storage, check (segment = 2))",
    );
    await history.query("alter table log attach partition log_2 for values in (2)");
  },
  "attached and not written to": async () => {
    for (const parent of ["log", "receipt"]) {
      await history.query(
        `create table ${parent}_2 (like ${parent} including defaults including storage, check (segment = 2))`,
      );
      await history.query(`alter table ${parent} attach partition ${parent}_2 for values in (2)`);
    }
  },
};

test.for(Object.keys(stops))("opening a segment goes on from: %s", async (stop) => {
  await commit(1);
  await stops[stop]!();
  await commit(1);
  await history.tidy(rotate);
  await commit(1);
  expect(
    await history.query(
      "select segment, count(*)::int as rows from log group by segment order by 1",
    ),
  ).toEqual([
    { segment: 1, rows: 2 },
    { segment: 2, rows: 1 },
  ]);
  expect(await logTables()).toEqual(["log_1", "log_2", "receipt_1", "receipt_2"]);
});

const cuts: Record<string, () => Promise<void>> = {
  "retired and still attached": async () => {},
  "the log's partition detached and not dropped": async () => {
    await history.query("alter table log detach partition log_1 concurrently");
  },
  "the log's partition gone, its receipts not": async () => {
    await history.query("alter table log detach partition log_1 concurrently");
    await history.query("drop table log_1");
  },
  "a detach that was cancelled while it waited": async () => {
    await using reader = await session();
    await reader.client.query("begin; select count(*) from receipt_1");
    await using detacher = await session();
    const detaching = detacher.client
      .query("alter table receipt detach partition receipt_1 concurrently")
      .catch(() => "cancelled");
    const waiting = () =>
      history.query(
        "select pid from pg_stat_activity where query like '%detach%' and wait_event_type = 'Lock' and pid <> pg_backend_pid()",
      );
    const [{ pid }] = (await eventually("the detach waits", async () => {
      const rows = await waiting();
      return rows.length > 0 ? rows : undefined;
    })) as [{ pid: number }];
    await history.query("select pg_cancel_backend($1)", [pid]);
    expect(await detaching).toBe("cancelled");
    expect(await logTables()).toContain("receipt_1 pending");
    await reader.client.query("rollback");
  },
};

test.for(Object.keys(cuts))("dropping a segment goes on from: %s", async (cut) => {
  await commit(2);
  await history.compactAll();
  await history.tidy(rotate);
  await history.query("select retire_segment(1)");
  await cuts[cut]!();
  await history.tidy();
  expect(await logTables()).toEqual(["log_2", "receipt_2"]);
  expect(await history.ingestAgain(oneSample(0), { producer: "p", sequence: 2 })).toMatchObject({
    outcome: "duplicate",
  });
  await commit(1);
  await history.compactAll();
  expect(
    await history.query(
      "select sum(count)::int as samples from block b where not exists (select from block_end e where e.block_id = b.block_id)",
    ),
  ).toEqual([{ samples: 3 }]);
});

test("what cannot be done now keeps nothing else from being done, and is said", async () => {
  await commit(1);
  await history.compactAll();
  await history.tidy(rotate);
  // Not ours: nobody knows how to drop it.
  await history.query("create view on_it as select * from log_1");
  await expect(history.tidy(dropAll)).rejects.toThrow();
  await commit(1);
  await expect(history.tidy({ ...rotate, ...dropAll })).rejects.toThrow();
  expect(await logTables()).toEqual(expect.arrayContaining(["log_2", "log_3", "receipt_3"]));
  expect(await history.query("select count(*)::int as watermarks from watermark")).toEqual([
    { watermarks: 1 },
  ]);
  await history.query("drop view on_it");
  await history.tidy(dropAll);
  expect(await logTables()).not.toEqual(expect.arrayContaining(["log_1"]));
});

async function session(): Promise<{ client: pg.Client } & AsyncDisposable> {
  const client = new pg.Client({ connectionString: history.url });
  client.on("error", () => {});
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
