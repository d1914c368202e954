// The accessor of `npm start` works as a role that is no superuser, on new data folders and on
// those that a superuser filled.
import { chmod, mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { createLog } from "../runtime/log.ts";
import { quickFolder } from "../test/testing/quick-folder.ts";
import { openPostgres } from "./postgres.ts";
import { runningUrl } from "./postgres-cluster.ts";
import { accessorRole, openAccessorRole } from "./postgres-role.ts";

async function open() {
  const folder = await mkdtemp(join(quickFolder(), "millrace-role-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const dataDir = join(folder, "data");
  const server = await openPostgres({
    dataDir,
    settings: { shared_buffers: "16MB", max_connections: "10" },
    syncCluster: false,
    log: createLog({ name: "test", level: "silent" }),
    abort: AbortSignal.timeout(60_000),
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const superuser = new URL(server.url);
  superuser.pathname = "/millrace";
  return { dataDir, url: server.url, superuser: superuser.href };
}

async function query(connectionString: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    // Of several statements, the last one's.
    const results = [await client.query({ text, rowMode: "array" })].flat();
    return results.at(-1)!.rows.flat();
  } finally {
    await client.end();
  }
}

test("the role owns the database, may do what its work asks for, and no more", {
  timeout: 60_000,
}, async () => {
  const { dataDir, url } = await open();
  const own = await openAccessorRole(url, { dataDir, database: "millrace" });
  expect(
    await openAccessorRole(url, { dataDir, database: "millrace" }),
    "a second start changes nothing",
  ).toBe(own);
  expect(await runningUrl(dataDir, "millrace")).toBe(own);
  expect((await stat(join(dataDir, "accessor-password"))).mode & 0o777).toBe(0o600);
  const rights = "rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls";
  expect(
    await query(own, `select current_user, ${rights} from pg_roles where rolname = current_user`),
  ).toEqual([accessorRole, false]);
  await query(own, "create schema s; create table s.t (n int); select pg_control_checkpoint()");
  await expect(query(own, "copy (select 1) to program 'true'")).rejects.toMatchObject({
    code: "42501",
  });
  await expect(query(own, "select pg_read_file('postgresql.conf')")).rejects.toMatchObject({
    code: "42501",
  });
  await expect(query(own, "create role other")).rejects.toMatchObject({ code: "42501" });
});

test("what a superuser had made is handed over, whatever it is, and the reader still reads", {
  timeout: 60_000,
}, async () => {
  const { dataDir, url, superuser } = await open();
  await query(url, "create database millrace");
  await query(
    superuser,
    `create role millrace_reader nologin; create schema millrace_v1; create type mood as enum ('good'); create domain small as int;
     create type pair as (a int, b int); create sequence alone; create table machine (id int generated always as identity primary key, name serial);
     create table log (segment int, mood mood) partition by list (segment); create table log_1 partition of log for values in (1);
     create function twice(n int) returns int language sql as $$ select 2 * n $$;
     create procedure nothing() language sql as $$ select 1 $$;
     create view millrace_v1.machines as select * from machine; create materialized view kept as select 1 as n;
     grant usage on schema millrace_v1 to millrace_reader; grant select on millrace_v1.machines to millrace_reader;
     insert into machine default values`,
  );
  const own = await openAccessorRole(url, { dataDir, database: "millrace" });
  await query(
    own,
    `insert into machine default values; alter table log detach partition log_1; drop table log_1; alter sequence alone restart;
     create or replace function twice(n int) returns int language sql as $$ select n + n $$; drop procedure nothing();
     create or replace view millrace_v1.machines as select * from machine where id > 0; refresh materialized view kept;
     alter type mood add value 'bad'; alter domain small set default 1; drop type pair; create table millrace_v1.more (n int)`,
  );
  const left = `select count(*)::int from pg_class c join pg_roles r on r.oid = relowner
    where rolsuper and relnamespace in ('public'::regnamespace, 'millrace_v1'::regnamespace)`;
  expect(await query(own, left)).toEqual([0]);
  expect(await query(superuser, "set role millrace_reader; select 1")).toBeDefined();
  expect(
    await query(
      superuser,
      "select has_table_privilege('millrace_reader', 'millrace_v1.machines', 'select')",
    ),
  ).toEqual([true]);
});
