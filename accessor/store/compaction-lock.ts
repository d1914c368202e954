// The lock of compaction: of all accessors of a database, one compacts at a time. It belongs to a
// session, so an accessor that dies releases it.
import type { Client } from "pg";
import type { Database } from "./database.ts";

/**
 * session: holds the lock until it ends; undefined: another session has it. leaderless: that
 * session cannot compact.
 */
export type LockAttempt =
  | { session: Client; leaderless: false }
  | { session: undefined; leaderless: boolean };

export async function tryCompactionLock(database: Pick<Database, "connect">): Promise<LockAttempt> {
  const client = await database.connect();
  try {
    const { rows } = await client.query<{ held: boolean; leaderless: boolean }>(
      `select held, not held and not writer_has(3) as leaderless
       from (select pg_try_advisory_lock(7201, 3) as held offset 0) tried`,
    );
    if (rows[0]?.held) return { session: client, leaderless: false };
    await client.end();
    return { session: undefined, leaderless: rows[0]?.leaderless === true };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}
