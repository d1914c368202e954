// How many statements a query on block takes: one, while it has few partitions; otherwise one for
// every few partitions, with their range as a constant in it, so that PostgreSQL plans, opens and
// locks only those. By default it has room for 64 locks per connection.
import { groupSpans, type Span } from "./block-spans.ts";
import type { Database } from "./database.ts";
import { layoutAt } from "./layout.ts";

/**
 * A range to query. pruned: the statement must be planned with known bounds, since many partitions
 * lie outside of it.
 */
export type BlockPart = Span & { pruned: boolean };

/** How many partitions a statement on block may lock if it is planned once for all ranges. */
export const fewPartitions = 100;
const partitionsAtOnce = 32;

/**
 * The parts to query, ascending; together they cover all of a range that can hold blocks valid at a
 * watermark.
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
 * Runs the query in the way that suits a part. once: planned once for each connection, as in
 * lookUp, if the part is not pruned.
 */
export function askPart(
  database: Database,
  { pruned }: BlockPart,
  text: string,
  values: unknown[],
  { name, once, abort }: { name: string; once?: boolean; abort?: AbortSignal | undefined },
): Promise<unknown[][]> {
  // PostgreSQL plans an unnamed statement with the values of its parameters.
  if (pruned) return database.read(text, values, { abort });
  return once
    ? database.lookUp(text, values, { name, abort })
    : database.read(text, values, { name, abort });
}

/** Items by part; only parts that have any. */
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
