// The functions and views of a database are those of the files, whichever it had before, and those
// of a newer program are kept.
import pg from "pg";
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { queryDatabase } from "../testing/accessor.ts";
import { readFunctions, replaceFunctions } from "./functions.ts";
import { migrate, readSchema, type Schema } from "./migrate.ts";

const log = createLog({ name: "test", level: "silent" });

/** As in this version, with one word changed. */
function otherWords(from = readSchema()): Schema {
  const files = from.functions!.files.map(({ name, sql }) => ({
    name,
    sql: sql.replace("'FAULT'", "'BROKEN'"),
  }));
  return { ...from, functions: { files, digest: "other" } };
}

function oneMore({ migrations, functions }: Schema, sql: string): Schema {
  const version = migrations.length + 1;
  return {
    functions,
    migrations: [...migrations, { version, name: "one_more.sql", sql, checksum: "x" }],
  };
}

const wordOf3 = (url: string) => queryDatabase(url, "select state_name(3) as word");
const replacedAt = (url: string) =>
  queryDatabase(url, "select replaced_at::text from function_set");

test("functions of an earlier text are replaced, and those that are the same left alone", async () => {
  await using database = await testDatabase("empty");
  await migrate(database.url, log, otherWords());
  expect(await wordOf3(database.url)).toEqual([{ word: "BROKEN" }]);
  await Promise.all([migrate(database.url, log), migrate(database.url, log)]);
  expect(await wordOf3(database.url)).toEqual([{ word: "FAULT" }]);
  const before = await replacedAt(database.url);
  await migrate(database.url, log);
  expect(await replacedAt(database.url)).toEqual(before);
});

test("a program that knows fewer migrations leaves the functions of a newer one alone", async () => {
  await using database = await testDatabase();
  await migrate(database.url, log, oneMore(otherWords(), "select 1"));
  await expect(migrate(database.url, log)).rejects.toThrow("run a newer one");
  expect(await wordOf3(database.url)).toEqual([{ word: "BROKEN" }]);
});

test("what a migration drops is there again after it", async () => {
  await using database = await testDatabase();
  await migrate(database.url, log, oneMore(readSchema(), "drop view millrace_v1.latest"));
  expect(await queryDatabase(database.url, "select from millrace_v1.latest")).toEqual([]);
});

test("a file that fails leaves the functions and the migrations of before", async () => {
  await using database = await testDatabase();
  const broken = oneMore(otherWords(), "create table half ()");
  const files = [...broken.functions!.files, { name: "broken", sql: "select 1 / 0" }];
  const attempt = migrate(database.url, log, { ...broken, functions: { files, digest: "broken" } });
  await expect(attempt).rejects.toThrow("division by zero");
  expect(await wordOf3(database.url)).toEqual([{ word: "FAULT" }]);
  expect(await queryDatabase(database.url, "select to_regclass('half') as half")).toEqual([
    { half: null },
  ]);
});

test("each file finds what it needs in those before it, and all functions and views are in one", async () => {
  await using database = await testDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const all = async () => (await client.query<{ what: string }>(ours)).rows.map(({ what }) => what);
  try {
    const before = await all();
    await client.query(dropAll);
    expect(await all()).toEqual([]);
    await replaceFunctions(client, readFunctions(), { anyway: true });
    expect(await all()).toEqual(before);
  } finally {
    await client.end();
  }
});

test("they go where the tables are, which need not be in public", async () => {
  await using database = await testDatabase("empty");
  await queryDatabase(database.url, "create schema home");
  const url = new URL(database.url);
  url.searchParams.set("options", "-c search_path=home");
  await migrate(url.href, log);
  const rows = await queryDatabase(
    database.url,
    `select distinct pronamespace::regnamespace::text as schema from pg_proc
     where pronamespace >= 16384 order by 1`,
  );
  expect(rows).toEqual([{ schema: "home" }, { schema: "millrace_v1" }]);
  const samples = "select * from millrace_v1.samples('power', now(), now())";
  expect(await queryDatabase(database.url, samples)).toEqual([]);
});

const ours = `
  select oid::regprocedure::text as what from pg_proc
  where pronamespace in ('public'::regnamespace, 'millrace_v1'::regnamespace)
  union all
  select oid::regclass::text from pg_class where relkind = 'v' and relnamespace = 'millrace_v1'::regnamespace
  order by 1`;

const dropAll = `
  do $$
  declare
    v_one text;
  begin
    foreach v_one in array array(
      select oid::regclass::text from pg_class
      where relkind = 'v' and relnamespace = 'millrace_v1'::regnamespace)
    loop
      execute format('drop view if exists %s cascade', v_one);
    end loop;
    foreach v_one in array array(
      select oid::regprocedure::text from pg_proc
      where pronamespace in ('public'::regnamespace, 'millrace_v1'::regnamespace))
    loop
      execute format('drop function if exists %s cascade', v_one);
    end loop;
  end $$`;
