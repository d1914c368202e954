// Facts about the history besides its rows: how block is partitioned, and whether commits are held
// back from it. Read once for each watermark.
import { type Span, spanOf } from "./block-spans.ts";
import type { Database } from "./database.ts";

/**
 * spans: of block's partitions, ascending. holds: whether reads have to look for commits that are
 * held back (see held.ts).
 */
export type Layout = { watermark: number; spans: readonly Span[]; holds: boolean };

/** Keyed by the object that all callers' views share: a view lives as long as a question. */
const known = new WeakMap<Database, Promise<Layout>>();

/**
 * Valid for a watermark and all before it: a partition exists before blocks in it are valid, a
 * commit is held from the watermark on that skips it; and both stay as long as any reader may read
 * at a watermark that needs them.
 */
export async function layoutAt(
  { unshared }: Database,
  watermark: number,
  { abort }: { abort?: AbortSignal | undefined } = {},
): Promise<Layout> {
  const before = await known.get(unshared)?.catch(() => undefined);
  if (before !== undefined && before.watermark >= watermark) return before;
  // Shared by all that request it meanwhile, so no caller's abort ends it, and it does not wait for
  // a caller's turn.
  const reading = read(unshared);
  known.set(unshared, reading);
  reading.catch(() => known.get(unshared) === reading && known.delete(unshared));
  const layout = await reading;
  abort?.throwIfAborted();
  return layout;
}

/** For tests that reset a database. */
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
