// Partitions of the log, its receipts and the blocks: which there are, and dropping one so that nobody who reads or writes waits for it.
import { floorTo } from "../history/buckets-of-time.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";

export type Parent = "log" | "receipt" | "block";

/** pending: a detach was interrupted. detached: no longer part of its parent; only to be dropped (or, ahead of the log, to be attached). */
export type Partition = { parent: Parent; name: string; state: "attached" | "pending" | "detached" };

type Options = { signal: AbortSignal };

/** A partition of block. Weeks begin on Thursdays, as 1970 did. */
export const weekUs = 7 * 24 * 3_600_000_000;

/** In no order. */
export async function listPartitions(database: Database, parents: readonly Parent[]): Promise<Partition[]> {
  const rows = (await database.read(
    `select parent, c.relname::text, case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'pending' else 'attached' end
     from unnest($1::text[]) as parent
     join pg_class p on p.oid = parent::regclass
     join pg_class c on c.relnamespace = p.relnamespace and c.relkind = 'r' and c.relname ~ ('^' || parent || '_[0-9]+$')
     left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = p.oid`,
    [toArray.text(parents)],
    { name: "partitions" },
  )) as [Parent, string, Partition["state"]][];
  return rows.map(([parent, name, state]) => ({ parent, name, state }));
}

/** From wherever an earlier attempt was stopped. Waits for statements that use it already; later ones do not see it. */
export async function dropPartition(
  database: Database,
  { parent, name, state }: Partition,
  { signal }: Options,
): Promise<void> {
  if (state === "pending")
    await database.compact(`alter table ${parent} detach partition ${name} finalize`, [], { signal });
  if (state === "attached")
    await database.compact(`alter table ${parent} detach partition ${name} concurrently`, [], { signal });
  await database.compact(`drop table ${name}`, [], { signal });
}

/** Makes the partitions of some buckets that are not there yet, oldest first, at most max. Answers how many are still missing. */
export async function makeBlockPartitions(
  database: Database,
  bucketsUs: readonly number[],
  { max, signal }: Options & { max: number },
): Promise<number> {
  const missing = (await database.read(
    `select name, min(bucket), c.oid is not null from unnest($1::int8[]) as bucket, block_partition(bucket)
     left join pg_class c on c.relname = name and c.relnamespace = (select relnamespace from pg_class where oid = 'block'::regclass)
     left join pg_inherits i on i.inhrelid = c.oid
     where i.inhrelid is null or i.inhdetachpending group by name, c.oid order by 2`,
    [toArray.int8([...new Set(bucketsUs.map((bucketUs) => floorTo(bucketUs, weekUs)))])],
    { name: "missing_partitions" },
  )) as [string, number, boolean][];
  for (const [name, bucketUs, leftover] of missing.slice(0, max)) {
    // Retention was dropping it, and was stopped. What comes now is new.
    const left = leftover ? await listPartitions(database, ["block"]) : [];
    for (const partition of left) if (partition.name === name) await dropPartition(database, partition, { signal });
    await database.compact("select make_block_partition($1::int8)", [bucketUs], { name: "make_partition", signal });
  }
  return Math.max(0, missing.length - max);
}
