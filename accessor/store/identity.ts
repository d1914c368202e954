// Which database this is and which epochs its history had: what cursors name. A new timeline (restore, promotion) begins a new epoch.

import { z } from "zod";
import type { Epoch } from "../cursor.ts";
import type { Database } from "./database.ts";
import { toFailure } from "./errors.ts";
import { sql } from "./sql.ts";

export type Identity = {
  databaseId: string;
  epochs: Epoch[];
  nowUs: number;
  /** What page tokens are signed with, the same for every accessor of this database. A secret. */
  pageKey: string;
};

const epochRow = z.object({ epoch: z.number(), first_revision: z.number() });
const identityRow = z.object({ database_id: z.string(), now_us: z.number(), page_key: z.string() });

/** beginEpoch: the database was put back to an earlier copy, which leaves no trace of its own (as a new timeline would). */
export async function readIdentity(
  { slonik }: Database,
  { beginEpoch = false }: { beginEpoch?: boolean } = {},
): Promise<Identity> {
  try {
    if (beginEpoch) await slonik.query(sql.typeAlias("void")`select from begin_epoch(true)`);
    const epochs = await readEpochs({ slonik });
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

/** All epochs, ascending, after the one of a new timeline was begun if this is one. */
export async function readEpochs({ slonik }: Pick<Database, "slonik">): Promise<Epoch[]> {
  try {
    await slonik.query(sql.typeAlias("void")`select from begin_epoch()`);
    const rows = await slonik.many(sql.type(epochRow)`select epoch, first_revision from epoch order by epoch`);
    return rows.map(({ epoch, first_revision: firstRevision }) => ({ epoch, firstRevision }));
  } catch (error) {
    throw toFailure(error);
  }
}
