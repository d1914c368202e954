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
    // Two instances may start at once on a new timeline: the primary key lets one of them begin the epoch.
    await slonik.query(sql.typeAlias("void")`
      insert into epoch (epoch, first_revision, timeline_id)
      select last.epoch + 1, coalesce((select max(revision) from receipt), 0) + 1, now.timeline_id
      from (select * from epoch order by epoch desc limit 1) last, pg_control_checkpoint() now
      where now.timeline_id <> last.timeline_id or ${beginEpoch}::boolean
      on conflict (epoch) do nothing`);
    const epochs = await slonik.many(sql.type(epochRow)`select epoch, first_revision from epoch order by epoch`);
    const { database_id, now_us, page_key } = await slonik.one(sql.type(identityRow)`
      select database_id::text, to_us(clock_timestamp()) as now_us, encode(page_key.key, 'base64') as page_key
      from identity, page_key`);
    return {
      databaseId: database_id,
      epochs: epochs.map(({ epoch, first_revision: firstRevision }) => ({ epoch, firstRevision })),
      nowUs: now_us,
      pageKey: page_key,
    };
  } catch (error) {
    throw toFailure(error);
  }
}
