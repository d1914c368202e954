// The accessor's login in the embedded PostgreSQL: owns its database and everything in it, and is
// not a superuser. In older data folders the superuser owned everything; the next start transfers
// that.
import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";

export const accessorRole = "millrace_accessor";

/** Stored beside the superuser's. */
const passwordIn = (dataDir: string) => join(dataDir, "accessor-password");

/**
 * Makes the role, the readers' group and the database where they are missing; returns the URL for
 * the accessor.
 */
export async function openAccessorRole(
  serverUrl: string,
  { dataDir, database }: { dataDir: string; database: string },
): Promise<string> {
  const password = (await readAccessorPassword(dataDir)) ?? (await makePassword(dataDir));
  await asSuperuser(serverUrl, "postgres", async (client) => {
    const exists = async (catalog: string, column: string, name: string) =>
      (await client.query(`select from ${catalog} where ${column} = $1`, [name])).rows.length > 0;
    if (!(await exists("pg_roles", "rolname", accessorRole)))
      await client.query(`create role ${accessorRole}`);
    await client.query(
      `alter role ${accessorRole} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls
         password ${client.escapeLiteral(password)}`,
    );
    await client.query(`grant pg_use_reserved_connections to ${accessorRole}`);
    // Migrations create this group where they are allowed to. This role is not, and only grants the
    // group what it may see.
    if (!(await exists("pg_roles", "rolname", "millrace_reader")))
      await client.query("create role millrace_reader nologin");
    const name = client.escapeIdentifier(database);
    if (!(await exists("pg_database", "datname", database)))
      await client.query(`create database ${name} owner ${accessorRole}`);
    await client.query(`alter database ${name} owner to ${accessorRole}`);
  });
  await asSuperuser(serverUrl, database, handOver);
  const url = new URL(serverUrl);
  [url.username, url.password, url.pathname] = [accessorRole, password, `/${database}`];
  return url.href;
}

/** Undefined in a data folder that this version has not started on yet. */
export async function readAccessorPassword(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(passwordIn(dataDir), "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function makePassword(dataDir: string): Promise<string> {
  const password = randomBytes(24).toString("base64url");
  const fresh = `${passwordIn(dataDir)}.new`;
  await writeFile(fresh, password, { mode: 0o600 });
  await rename(fresh, passwordIn(dataDir));
  return password;
}

// A table's own sequences, row types and indexes change owner with it. Partitions do not.
const owned = `
  select format('alter table %s owner to ', c.oid::regclass) as statement from pg_class c
    where c.relowner = $1 and c.relnamespace = any($2) and c.relkind in ('r', 'p')
  union all select format('alter view %s owner to ', c.oid::regclass) from pg_class c
    where c.relowner = $1 and c.relnamespace = any($2) and c.relkind = 'v'
  union all select format('alter materialized view %s owner to ', c.oid::regclass) from pg_class c
    where c.relowner = $1 and c.relnamespace = any($2) and c.relkind = 'm'
  union all select format('alter sequence %s owner to ', c.oid::regclass) from pg_class c
    where c.relowner = $1 and c.relnamespace = any($2) and c.relkind = 'S'
      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('i', 'a'))
  union all select format('alter routine %s owner to ', p.oid::regprocedure) from pg_proc p
    where p.proowner = $1 and p.pronamespace = any($2)
  union all select format('alter type %s owner to ', t.oid::regtype) from pg_type t
    where t.typowner = $1 and t.typnamespace = any($2) and t.typelem = 0
      and (t.typrelid = 0 or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c')) and t.typtype <> 'm'
  union all select format('alter schema %I owner to ', n.nspname) from pg_namespace n where n.nspowner = $1 and n.oid = any($2)`;

/**
 * One statement each, so that thousands of partitions do not take as many locks at once. If this is
 * interrupted, the next start does the rest.
 */
async function handOver(client: pg.Client): Promise<void> {
  const { rows: schemas } = await client.query<{ oid: string }>(
    "select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'",
  );
  const { rows: me } = await client.query<{ oid: string }>(
    "select oid from pg_roles where rolname = current_user",
  );
  const { rows } = await client.query<{ statement: string }>(owned, [
    me[0]!.oid,
    schemas.map(({ oid }) => oid),
  ]);
  for (const { statement } of rows) await client.query(statement + accessorRole);
  // The owner is set by name: a session in a reserved connection does not count as the database's
  // owner, because PostgreSQL 18 looks up its roles before it has a database.
  await client.query(`alter schema public owner to ${accessorRole}`);
}

async function asSuperuser(
  serverUrl: string,
  database: string,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
