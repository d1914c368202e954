// Producers as admins see them: lists their owners, and moves them to another owner.
import { z } from "zod";
import type { Database } from "./database.ts";
import { toFailure } from "./errors.ts";
import { sql } from "./sql.ts";

/** owner: null means no owner. */
export type ProducerRecord = { name: string; owner: string | null; firstSeenUs: number };

const producerRow = z.object({
  name: z.string(),
  owner: z.string().nullable(),
  first_seen_us: z.number(),
});
const movedRow = z.object({ producers: z.number() });

/**
 * Producers that clients named themselves, by name, from the first after `after`; of one owner, if
 * one is given.
 */
export async function listProducers(
  { slonik }: Database,
  { owner, after, limit }: { owner: string | undefined; after: string; limit: number },
): Promise<ProducerRecord[]> {
  const rows = await asked(
    slonik.any(sql.type(producerRow)`
      select name, owner, to_us(first_seen_at) as first_seen_us from producer
      where not is_derived(name) and name collate "C" > ${after} and (${owner ?? null}::text is null or owner = ${owner ?? null})
      order by name collate "C" limit ${limit}`),
  );
  return rows.map(({ first_seen_us: firstSeenUs, ...row }) => ({ ...row, firstSeenUs }));
}

/**
 * Moves one producer, or all of an owner, to another owner (null: to the next one that uses it).
 * Returns how many there were.
 */
export async function moveProducers(
  { slonik }: Database,
  which: { name: string } | { owner: string },
  to: string | null,
): Promise<number> {
  const condition =
    "name" in which ? sql.fragment`name = ${which.name}` : sql.fragment`owner = ${which.owner}`;
  // The lock is taken before anything is read: batches that take possession hold it too.
  return asked(
    slonik.transaction(async (transaction) => {
      await transaction.query(sql.typeAlias("void")`select from lock_revisions()`);
      const { producers } = await transaction.one(sql.type(movedRow)`
        select count(give_producer(id, ${to}))::int as producers from producer where not is_derived(name) and ${condition}`);
      return producers;
    }),
  );
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw toFailure(error);
  }
}
