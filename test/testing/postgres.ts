// A database of its own for each test, on the server that test/testing/global-postgres.ts shares
// with the whole run.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  /** Gives the database a name, whether it exists yet or not. */
  readonly url: string;
  /** URL of the database `postgres` on the same server. */
  readonly serverUrl: string;
}

/**
 * "migrated": as a new accessor has created it, copied from the run's template in a fifth of the
 * time. "empty": without a schema. "absent": only a name, for the accessor to create it.
 */
export type Beginning = "migrated" | "empty" | "absent";

/** Hold it with `await using`: it is dropped at the end, even with open connections. */
export async function testDatabase(beginning: Beginning = "migrated"): Promise<TestDatabase> {
  const serverUrl = inject("databaseServerUrl");
  const name = `test_${randomBytes(8).toString("hex")}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  if (beginning === "empty") await ask(serverUrl, `create database ${name}`);
  if (beginning === "migrated") {
    await ask(serverUrl, `create database ${name} template ${inject("databaseTemplate")}`);
    await ask(url.href, ownIdentity);
  }
  return {
    name,
    url: url.href,
    serverUrl,
    [Symbol.asyncDispose]: () => ask(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

/** Random values that migrations generate for a single database, generated again. */
const ownIdentity = `
  update identity set database_id = default, created_at = default;
  update epoch set started_at = default;
  update page_key set key = sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))`;

async function ask(connectionString: string, statements: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}
