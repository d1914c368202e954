// Identifies the database and the epochs of its history: cursors name both. A new timeline
// (restore, promotion) begins a new epoch.

import type { Client } from "pg";
import { z } from "zod";
import type { Epoch } from "../domain/cursor.ts";
import type { Bounded, Database } from "./database.ts";
import { toFailure } from "./errors.ts";
import { sql } from "./sql.ts";

export type Identity = {
  databaseId: string;
  epochs: Epoch[];
  nowUs: number;
  /** The key that signs page tokens, the same for every accessor of this database. A secret. */
  pageKey: string;
};

// Behind a connection that hangs without closing, all reads would wait.
const answerMs = 12_000;
// 64-bit numbers arrive as text.
const epochRow = z.object({ epoch: z.number(), first_revision: z.string().transform(Number) });
const identityRow = z.object({ database_id: z.string(), now_us: z.number(), page_key: z.string() });

/**
 * beginEpoch: the database was restored to an earlier copy, which leaves no trace of its own
 * (unlike a new timeline).
 */
export async function readIdentity(
  database: Database,
  { beginEpoch = false }: { beginEpoch?: boolean } = {},
): Promise<Identity> {
  const { slonik } = database;
  try {
    if (beginEpoch) await slonik.query(sql.typeAlias("void")`select from begin_epoch(true)`);
    const epochs = await readEpochs(database);
    const { database_id, now_us, page_key } = await slonik.one(sql.type(identityRow)`
      select database_id::text, to_us(clock_timestamp()) as now_us, encode(page_key.key, 'base64') as page_key
      from identity, page_key`);
    return {
      databaseId: database_id,
      epochs,
      nowUs: now_us,
      pageKey: page_key,
    };
  } catch (error) {
    throw toFailure(error);
  }
}

/**
 * All epochs, ascending. If the timeline is new, its epoch is begun first. On a connection of its
 * own: those of the pools may wait for this answer.
 */
export async function readEpochs(database: Pick<Database, "connect">): Promise<Epoch[]> {
  let client: Client | undefined;
  try {
    client = await database.connect();
    const ask = (text: string): Bounded => ({ text, query_timeout: answerMs });
    await client.query(ask("set lock_timeout = '10s'; set statement_timeout = '10s'"));
    await client.query(ask("select from begin_epoch()"));
    const query = ask("select epoch, first_revision from epoch order by epoch");
    const { rows } = await client.query<Record<string, unknown>>(query);
    return rows.map((row) => {
      const { epoch, first_revision: firstRevision } = epochRow.parse(row);
      return { epoch, firstRevision };
    });
  } catch (error) {
    throw toFailure(error);
  } finally {
    // No caller waits for it to close.
    void client?.end().catch(() => {});
  }
}
