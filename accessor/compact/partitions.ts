// Partitions of the history: there before the blocks that belong into them.
import { floorTo } from "../history/buckets-of-time.ts";
import type { Database } from "../store/database.ts";

export const weekUs = 7 * 24 * 3_600_000_000;

const made = new WeakMap<Database, Set<number>>();

/** Makes the partitions of some buckets that are not there yet. */
export async function makePartitions(database: Database, bucketsUs: readonly number[]): Promise<void> {
  const known = made.get(database) ?? new Set();
  made.set(database, known);
  for (const week of new Set(bucketsUs.map((bucketUs) => floorTo(bucketUs, weekUs)))) {
    if (known.has(week)) continue;
    await database.compact("select make_block_partition($1::int8)", [week], { name: "make_partition" });
    known.add(week);
  }
}
