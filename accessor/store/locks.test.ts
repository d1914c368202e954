// The locks that writers wait for are out of readers' reach, and commits of the previous version
// are still waited for.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { oneSample } from "../testing/batches.ts";

const often = {
  compactIntervalMs: 20,
  logWindowMs: 86_400_000,
  maxLogBytes: 2 ** 34,
  retentionMs: undefined,
  rollupRetentionMs: undefined,
};

async function open(options = {}): Promise<TestAccessor> {
  const accessor = await openTestAccessor(options);
  onTestFinished(() => accessor[Symbol.asyncDispose]());
  return accessor;
}

/** A login that may read the views and has no other rights. */
async function openReader({ databaseUrl, query }: TestAccessor): Promise<pg.Client> {
  const name = `reader_${randomBytes(6).toString("hex")}`;
  await query(`create role ${name} login password 'reader' in role millrace_reader`);
  const url = new URL(databaseUrl);
  [url.username, url.password] = [name, "reader"];
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await query(`drop role ${name}`);
  });
  return client;
}

const ingest = (accessor: TestAccessor, sequence: number) =>
  accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: BigInt(sequence),
    batch: oneSample(sequence),
  });

test("whatever a reader locks, batches are stored, history is compacted, and accessors start", {
  timeout: 60_000,
}, async () => {
  const database = await testDatabase();
  onTestFinished(() => database[Symbol.asyncDispose]());
  const databaseUrl = database.url;
  const first = await openTestAccessor({ databaseUrl });
  const reader = await openReader(first);
  await first[Symbol.asyncDispose]();
  for (const key of [1, 2, 3, 4]) await reader.query("select pg_advisory_lock(7201, $1)", [key]);
  const accessor = await open({ databaseUrl, history: often });
  await ingest(accessor, 1);
  await eventually("it is compacted", async () => {
    const [row] = await accessor.query("select max(revision)::int as revision from watermark");
    return row!["revision"] === 1;
  });
});

test("a reader can lock none of the tables that writers lock", async () => {
  const accessor = await open();
  const reader = await openReader(accessor);
  for (const table of ["revision_lock", "compaction_lock", "schema_migration"]) {
    for (const mode of ["access share", "exclusive"]) {
      const attempt = reader.query(`begin; lock table ${table} in ${mode} mode`);
      await expect(attempt, `${table} ${mode}`).rejects.toMatchObject({ code: "42501" });
      await reader.query("rollback");
    }
  }
  await expect(reader.query("select lock_revisions()")).rejects.toMatchObject({ code: "42501" });
});

test("a commit that an older version has begun is waited for, whoever else waits", {
  timeout: 30_000,
}, async () => {
  const accessor = await open();
  const reader = await openReader(accessor);
  await reader.query("select pg_advisory_lock_shared(7201, 1)");
  // As in the former ingest(): it holds the advisory lock, or waits for it.
  const older = new pg.Client({ connectionString: accessor.databaseUrl });
  await older.connect();
  try {
    await older.query("begin; select set_config('lock_timeout', '20s', true)");
    const waits = older.query("select pg_advisory_xact_lock(7201, 1)");
    const waitsFor = async (count: number) => {
      const rows = await accessor.query(
        `select from pg_locks where locktype = 'advisory' and classid = 7201 and objid = 1 and not granted
         and database = (select oid from pg_database where datname = current_database())`,
      );
      return rows.length === count;
    };
    await eventually("the older one waits", () => waitsFor(1));
    let stored = false;
    const storing = ingest(accessor, 1).then(() => {
      stored = true;
    });
    await eventually("the newer one waits behind it", () => waitsFor(2));
    await reader.query("select pg_advisory_unlock_shared(7201, 1)");
    await waits;
    await eventually("the newer one waits for it", () => waitsFor(1));
    expect(stored).toBe(false);
    await older.query("commit");
    await storing;
  } finally {
    await older.end();
  }
});
