// The shared test server is as durable as the product demands, and each test has a database that
// goes when it ends.
import pg from "pg";
import { expect, test } from "vitest";
import { testDatabase } from "./postgres.ts";

async function query(connectionString: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  // A dropped database ends its connections; that is what the last test wants to see.
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

test("the server keeps what it acknowledges", async () => {
  await using database = await testDatabase({ create: true });
  const rows = await query(
    database.url,
    "select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')",
  );
  expect(new Set(rows.map(({ setting }) => setting))).toEqual(new Set(["on"]));
  expect(rows).toHaveLength(4);
});

test("a database exists only if asked for, and is dropped with a connection open", async () => {
  const database = await testDatabase();
  await expect(query(database.url, "select 1")).rejects.toMatchObject({ code: "3D000" });
  await query(database.serverUrl, `create database ${database.name}`);
  const open = new pg.Client({ connectionString: database.url });
  const dropped = new Promise((resolve) => open.on("error", resolve));
  await open.connect();
  await database[Symbol.asyncDispose]();
  await dropped;
  await expect(query(database.url, "select 1")).rejects.toMatchObject({ code: "3D000" });
});
