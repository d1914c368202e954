// What is known of the history beside its rows: how block is cut, and whether commits are held back
// from it. Read once for each watermark.
import { type Span, spanOf } from "./block-spans.ts";
import type { Database } from "./database.ts";

/**
 * spans: of block's partitions, ascending. holds: whether reads have to look for commits that are
 * held back (see held.ts).
 */
export type Layout = { watermark: number; spans: readonly Span[]; holds: boolean };

/** By what all callers' views have in common: a view lives as long as a question. */
const known = new WeakMap<Database, Promise<Layout>>();

/**
 * Good for a watermark and all before it: a partition is there before blocks in it are valid, a
 * commit is held from the watermark on that passes over it; and both stay as long as somebody may
 * read at a watermark that needs them.
 */
export async function layoutAt(
  { unshared }: Database,
  watermark: number,
  { abort }: { abort?: AbortSignal | undefined } = {},
): Promise<Layout> {
  const before = await known.get(unshared)?.catch(() => undefined);
  if (before !== undefined && before.watermark >= watermark) return before;
  // Shared by all who ask meanwhile, so nobody's signal ends it, and it waits for nobody's turn.
  const reading = read(unshared);
  known.set(unshared, reading);
  reading.catch(() => known.get(unshared) === reading && known.delete(unshared));
  const layout = await reading;
  abort?.throwIfAborted();
  return layout;
}

/** For tests that set a database back. */
export function forgetLayout({ unshared }: Database): void {
  known.delete(unshared);
}

async function read(database: Database): Promise<Layout> {
  const [row] = await database.lookUp(
    `select (select max(revision) from watermark),
       (select array_agg(c.relname::text) from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'block'::regclass),
       exists (select from held_log)`,
    [],
    { name: "layout" },
  );
  const [watermark, names, holds] = row as [number, string | null, boolean];
  const spans = (names === null ? [] : names.slice(1, -1).split(",")).map(spanOf);
  return { watermark, spans: spans.sort((a, b) => a.fromUs - b.fromUs), holds };
}
