// A database of its own for each test, on the server that test/support/global-postgres.ts shares
// with the whole run.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  /** Names the database, whether it exists yet or not. */
  readonly url: string;
  /** Of the database `postgres` on the same server. */
  readonly serverUrl: string;
}

/**
 * A new database name; `create: true` also makes the database, which the accessor would do itself. Hold it with
 * `await using`: it is dropped at the end even while connections are open.
 */
export async function testDatabase({ create = false } = {}): Promise<TestDatabase> {
  const serverUrl = inject("databaseServerUrl");
  const name = `test_${randomBytes(8).toString("hex")}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  if (create) await onServer(serverUrl, `create database ${name}`);
  return {
    name,
    url: url.href,
    serverUrl,
    [Symbol.asyncDispose]: () => onServer(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

async function onServer(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
