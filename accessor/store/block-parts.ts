// In how many statements a question is put to block: one, while it has few partitions; else one for
// some partitions at a time, whose range stands in it as a constant, so that PostgreSQL plans,
// opens and locks those alone. It has room for 64 locks a connection by default.
import { groupSpans, type Span } from "./block-spans.ts";
import type { Database } from "./database.ts";
import { layoutAt } from "./layout.ts";

/**
 * A range to ask about. pruned: it is to be planned with its bounds known, since there are many
 * partitions outside of it.
 */
export type BlockPart = Span & { pruned: boolean };

/** So many are locked by every statement on block that is planned once for all. */
export const fewPartitions = 100;
const partitionsAtOnce = 32;

/**
 * What to ask about, ascending; together all of a range that can hold blocks valid at a watermark.
 */
export async function blockParts(
  database: Database,
  range: Span & { watermark: number },
  options: { abort?: AbortSignal | undefined },
): Promise<BlockPart[]> {
  const { fromUs, toUs, watermark } = range;
  const { spans } = await layoutAt(database, watermark, options);
  if (spans.length <= fewPartitions) return [{ fromUs, toUs, pruned: false }];
  return groupSpans(spans, range, partitionsAtOnce).map((part) => ({ ...part, pruned: true }));
}

/**
 * Asks in the way that suits a part. once: planned once for each connection, as in lookUp, where
 * the part is not pruned.
 */
export function askPart(
  database: Database,
  { pruned }: BlockPart,
  text: string,
  values: unknown[],
  { name, once, abort }: { name: string; once?: boolean; abort?: AbortSignal | undefined },
): Promise<unknown[][]> {
  // A statement without a name is planned with the values that it comes with.
  if (pruned) return database.read(text, values, { abort });
  return once
    ? database.lookUp(text, values, { name, abort })
    : database.read(text, values, { name, abort });
}

/** Items by part, those parts only that have any. */
export function byPart<Item>(
  parts: readonly BlockPart[],
  items: readonly Item[],
  bucketUs: (item: Item) => number,
): { part: BlockPart; items: readonly Item[] }[] {
  if (parts.length === 1 && !parts[0]!.pruned)
    return items.length === 0 ? [] : [{ part: parts[0]!, items }];
  const grouped = Map.groupBy(items, (item) => {
    const us = bucketUs(item);
    return parts.find(({ fromUs, toUs }) => us >= fromUs && us < toUs);
  });
  return [...grouped].flatMap(([part, own]) => (part === undefined ? [] : [{ part, items: own }]));
}
