// The role millrace_reader can use the views and functions of millrace_v1 and nothing else; a
// database migrates with or without it.
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import {
  addCommit,
  addSeries,
  openSession,
  openSqlFixture,
  type SqlFixture,
} from "../testing/sql-database.ts";
import { readFunctions, replaceFunctions } from "./functions.ts";
import { migrate, readMigrations, schemaMigration } from "./migrate.ts";

let database: SqlFixture;
let reader: Omit<SqlFixture, "url">;
beforeAll(async () => {
  database = await openSqlFixture();
  reader = await openSession(database.url, "millrace_reader");
  const seriesId = await addSeries(database, { machine: "a", signal: "power" });
  const column = { timesUs: Float64Array.of(1_760_000_000_000_000), values: Float64Array.of(1.5) };
  await addCommit(database, { seriesId, revision: 1, column });
});
afterAll(async () => {
  await reader[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

const refused = { code: "42501" };
const views = [
  "compaction",
  "error_reports",
  "latest",
  "machines",
  "samples_day",
  "samples_hour",
  "samples_minute",
  "signals",
  "state_changes",
  "state_hours",
  "state_intervals",
  "storage",
];

it("reads every view, whatever its search_path", async () => {
  const found = await database.query(
    "select table_name from information_schema.tables where table_schema = 'millrace_v1' order by 1",
  );
  expect(found.map(({ table_name: name }) => name)).toEqual(views);
  for (const path of ["public", "", "millrace_v1"]) {
    await reader.query(`set search_path to '${path}'`);
    for (const view of views) await reader.query(`select * from millrace_v1.${view}`);
    expect(await reader.query("select value from millrace_v1.latest")).toEqual([{ value: "1.5" }]);
    const rows = await reader.query(
      "select machine, value from millrace_v1.samples('power', '2025-10-01', '2025-11-01')",
    );
    expect(rows).toEqual([{ machine: "a", value: "1.5" }]);
    const decoded =
      "select value from millrace_v1.decode_block('\\x0100010000ceeeb54006000000000f')";
    expect(await reader.query(decoded)).toEqual([{ value: "0" }]);
  }
});

it("reads no table of ours and writes nothing", async () => {
  const tables = await database.query(
    "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')",
  );
  expect(tables.length).toBeGreaterThan(15);
  for (const { relname } of tables) {
    await expect(reader.query(`select * from public.${relname}`), relname!).rejects.toMatchObject(
      refused,
    );
    await expect(reader.query(`delete from public.${relname}`), relname!).rejects.toMatchObject(
      refused,
    );
  }
  // A view of several tables, which nobody can write to.
  const unwritable = { code: "55000" };
  await expect(reader.query("update millrace_v1.machines set machine = 'b'")).rejects.toMatchObject(
    unwritable,
  );
  const rights = await database.query(
    "select distinct privilege_type from information_schema.table_privileges where grantee = 'millrace_reader'",
  );
  expect(rights).toEqual([{ privilege_type: "SELECT" }]);
  await expect(
    reader.query("insert into millrace_v1.machines (machine) values ('b')"),
  ).rejects.toMatchObject(unwritable);
  await expect(reader.query("create table millrace_v1.mine ()")).rejects.toMatchObject(refused);
  await expect(reader.query("create table public.mine ()")).rejects.toMatchObject(refused);
  await reader.query("set search_path to public");
  await expect(reader.query("select make_block_partition(0)")).rejects.toMatchObject(refused);
});

it("owns nothing, cannot log in, and what it lends cannot be led astray", async () => {
  const [role] = await database.query(
    "select rolcanlogin, rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = 'millrace_reader'",
  );
  expect(role).toEqual({ rolcanlogin: "f", rolsuper: "f", rolcreaterole: "f", rolcreatedb: "f" });
  const owned = await database.query(
    "select from pg_shdepend where refobjid = 'millrace_reader'::regrole and deptype = 'o'",
  );
  expect(owned).toEqual([]);
  // An operator of the reader's own that is first in its search_path is not used by samples().
  await reader.query(`create function pg_temp.never(bigint, bigint) returns boolean language sql as 'select false';
    create operator pg_temp.>= (leftarg = bigint, rightarg = bigint, function = pg_temp.never);
    set search_path to pg_temp, pg_catalog`);
  expect(
    await reader.query("select from millrace_v1.samples('power', '2025-10-01', '2025-11-01')"),
  ).toHaveLength(1);
});

it("is not everybody", async () => {
  await database.query("drop role if exists stranger_of_test");
  await database.query("create role stranger_of_test");
  await using stranger = await openSession(database.url, "stranger_of_test");
  await expect(stranger.query("select * from millrace_v1.machines")).rejects.toMatchObject(refused);
  await expect(
    stranger.query("select * from millrace_v1.samples('power', '2025-10-01', '2025-11-01')"),
  ).rejects.toMatchObject(refused);
  await stranger.query("reset role");
  await stranger.query("drop role stranger_of_test");
});

it("is shared by the databases of a cluster, also when they migrate at once", async () => {
  await using other = await testDatabase("empty");
  await using third = await testDatabase("empty");
  const log = createLog({ name: "migrate", level: "error" });
  await Promise.all([migrate(other.url, log), migrate(third.url, log)]);
  await using session = await openSession(third.url, "millrace_reader");
  expect(await session.query("select * from millrace_v1.machines")).toEqual([]);
});

it("a database whose owner may not create roles migrates all the same", async () => {
  await using other = await testDatabase("empty");
  const client = new pg.Client({ connectionString: other.url });
  await client.connect();
  const notices: (string | undefined)[] = [];
  client.on("notice", ({ message }) => notices.push(message));
  const owner = `owner_of_${other.name}`;
  try {
    await client.query("begin");
    // Roles belong to the whole cluster: other sessions see neither this role nor the absence of
    // theirs, since all is rolled back.
    await client.query(`create role ${owner}; alter database ${other.name} owner to ${owner}`);
    await client.query("alter role millrace_reader rename to millrace_reader_away");
    await client.query(`set local role ${owner}`);
    await client.query(schemaMigration);
    for (const { sql } of readMigrations()) await client.query(sql);
    await replaceFunctions(client, readFunctions(), { anyway: true });
    expect(notices).toEqual([
      `role millrace_reader was not created: ${owner} may not create roles; docs/sql.md says how to add it`,
    ]);
    expect((await client.query("select machine from millrace_v1.machines")).rows).toEqual([]);
  } finally {
    await client.end();
  }
});
