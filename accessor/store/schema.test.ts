// schema.sql shows the contents of a database, every table, column, view and function has a comment
// on its purpose, and published migrations stay unchanged.
import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestDatabase, testDatabase } from "../../test/testing/postgres.ts";
import { describeSchema } from "../testing/describe-schema.ts";
import { readFunctions } from "./functions.ts";
import { readMigrations } from "./migrate.ts";

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await testDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client?.end();
  await database?.[Symbol.asyncDispose]();
});

test("schema.sql is what migrations and functions come to; `npm run schema` writes it again", async () => {
  await expect(await describeSchema(client)).toMatchFileSnapshot("schema.sql");
});

test("each table, column, view and function says what it is for", async () => {
  const { rows } = await client.query<{ what: string }>(`
    with relation as (
      select oid, relkind from pg_class
      where relnamespace in ('public'::regnamespace, 'millrace_v1'::regnamespace)
        and relkind in ('r', 'p', 'v') and not relispartition)
    select oid::regclass::text as what from relation where obj_description(oid, 'pg_class') is null
    union all
    select r.oid::regclass || '.' || a.attname from relation r
    join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
    where col_description(r.oid, a.attnum) is null
    union all
    select oid::regprocedure::text from pg_proc
    where pronamespace in ('public'::regnamespace, 'millrace_v1'::regnamespace)
      and obj_description(oid, 'pg_proc') is null`);
  expect(rows.map(({ what }) => what)).toEqual([]);
});

test("migrations that have landed never change, and functions only with a new migration", () => {
  const migrations = readMigrations();
  const newest = migrations.at(-1)!.name.slice(0, 4);
  const lines = readFileSync(new URL("landed.txt", import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  const digests = lines.filter((line) => !line.startsWith("#"));
  for (const { name, checksum } of migrations) {
    const line = `${checksum}  migrations/${name}`;
    expect(digests, `a new migration gets this line in landed.txt:\n${line}`).toContain(line);
  }
  const line = `${readFunctions().digest}  functions and views of ${newest}`;
  expect(
    digests,
    `after a change of functions, add a migration that says what changed, and to landed.txt:\n${line}`,
  ).toContain(line);
  const named = digests.map((one) => one.slice(66));
  expect(named.length, "each is there once").toBe(new Set(named).size);
});
