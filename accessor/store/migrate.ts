// Brings the database to this version's schema: numbered .sql files, each once, in order, then the
// functions and views if they differ, all in one transaction. Safe when several accessors start at
// once.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { Client } from "pg";
import type { Log } from "../../runtime/log.ts";
import { Failure } from "../domain/failure.ts";
import { toFailure } from "./errors.ts";
import { type FunctionSet, readFunctions, replaceFunctions } from "./functions.ts";
import { advisoryLocks, lockSpace } from "./locks.ts";

export type Migration = { version: number; name: string; sql: string; checksum: string };

const directory = new URL("./migrations/", import.meta.url);

/** The files, ascending: 0001_catalog.sql and so on. */
export function readMigrations(): Migration[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((name, i) => {
      const version = Number(name.slice(0, 4));
      if (version !== i + 1) throw new Error(`migration ${name} is not number ${i + 1}`);
      const sql = readFileSync(new URL(name, directory), "utf8");
      return { version, name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    });
}

/** functions: null leaves them as the migrations have created them, in tests. */
export type Schema = { migrations: readonly Migration[]; functions: FunctionSet | null };

export const readSchema = (): Schema => ({
  migrations: readMigrations(),
  functions: readFunctions(),
});

/**
 * Applies the missing migrations. Fails if an applied file was changed since, or if the database is
 * newer than this program: so the functions of an older program never replace those of a newer one,
 * which come with a migration of their own.
 */
export async function migrate(
  url: string,
  log: Log,
  { migrations, functions }: Schema = readSchema(),
): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await beginAlone(client);
    const { rows } = await client.query<{ version: number; checksum: string }>(
      "select version, checksum from schema_migration",
    );
    const applied = new Map(rows.map((row) => [row.version, row.checksum]));
    assertKnown(applied, migrations);
    for (const { version, name, sql, checksum } of migrations) {
      if (applied.has(version)) continue;
      await client.query(sql);
      await client.query(
        "insert into schema_migration (version, name, checksum) values ($1, $2, $3)",
        [version, name, checksum],
      );
      log.info("migrated the database", { migration: name });
    }
    const anyway = applied.size < migrations.length;
    if (functions !== null && (await replaceFunctions(client, functions, { anyway })))
      log.info("replaced the functions and views of the database");
    await client.query("commit");
  } catch (error) {
    throw error instanceof Failure ? error : withMigrationContext(error);
  } finally {
    await client.end().catch(() => {});
  }
}

/** The table that records them, created before all migrations. */
export const schemaMigration = `create table if not exists schema_migration (
  version integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default clock_timestamp())`;

/**
 * Begins a transaction in which no other program migrates. It locks the table: any session may take
 * an advisory lock.
 */
async function beginAlone(client: Client): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await client.query("begin");
    try {
      // Programs older than this lock that start now will wait.
      await client.query("select pg_try_advisory_xact_lock($1, $2)", [
        lockSpace,
        advisoryLocks.migrations,
      ]);
      await client.query(schemaMigration);
      await client.query("lock table schema_migration in exclusive mode");
      return;
    } catch (error) {
      // If two create the table at once, the slower one fails, once.
      if (attempt === 3 || !["23505", "42P07"].includes((error as { code?: string }).code ?? ""))
        throw error;
      await client.query("rollback");
    }
  }
}

function assertKnown(applied: Map<number, string>, migrations: readonly Migration[]): void {
  const newest = [...applied.keys()].reduce((most, version) => Math.max(most, version), 0);
  if (newest > migrations.length) {
    throw new Failure(
      "INTERNAL",
      `the database is at schema ${newest}, this program knows ${migrations.length}: run a newer one`,
    );
  }
  for (const { version, name, checksum } of migrations) {
    if ((applied.get(version) ?? checksum) !== checksum) {
      throw new Failure(
        "INTERNAL",
        `${name} was changed after it was applied: restore it, and put the change into a new file`,
      );
    }
  }
}

function withMigrationContext(error: unknown): Failure {
  const failure = toFailure(error);
  if (failure.reason !== "INTERNAL") return failure;
  return new Failure(
    "INTERNAL",
    `migrating the database failed: ${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  );
}
