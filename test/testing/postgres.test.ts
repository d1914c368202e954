// The shared test server is as durable as the product requires, and each test has a database that
// is dropped when it ends.
import pg from "pg";
import { expect, test } from "vitest";
import { readMigrations } from "../../accessor/store/migrate.ts";
import { testDatabase } from "./postgres.ts";

async function query(
  connectionString: string,
  statement: string,
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  // Dropping a database ends its connections; the last test expects that.
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

test("the server keeps what it acknowledges", async () => {
  await using database = await testDatabase("empty");
  const rows = await query(
    database.url,
    "select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')",
  );
  expect(new Set(rows.map(({ setting }) => setting))).toEqual(new Set(["on"]));
  expect(rows).toHaveLength(4);
});

test("a database exists only if asked for, and is dropped with a connection open", async () => {
  const database = await testDatabase("absent");
  await expect(query(database.url, "select 1")).rejects.toMatchObject({ code: "3D000" });
  await query(database.serverUrl, `create database ${database.name}`);
  const open = new pg.Client({ connectionString: database.url });
  const dropped = new Promise((resolve) => open.on("error", resolve));
  await open.connect();
  await database[Symbol.asyncDispose]();
  await dropped;
  await expect(query(database.url, "select 1")).rejects.toMatchObject({ code: "3D000" });
});

test("copies of the template have this version's schema, no data, and what is drawn for each alone", async () => {
  await using one = await testDatabase();
  await using other = await testDatabase();
  const drawn = "select database_id::text, encode(key, 'hex') as key from identity, page_key";
  const [[first], [second]] = [await query(one.url, drawn), await query(other.url, drawn)];
  expect(first!["database_id"]).not.toBe(second!["database_id"]);
  expect(first!["key"]).not.toBe(second!["key"]);
  expect(
    await query(one.url, "select version, checksum from schema_migration order by version"),
  ).toEqual(readMigrations().map(({ version, checksum }) => ({ version, checksum })));
  expect(await query(one.url, "select from receipt union all select from machine")).toEqual([]);
});
