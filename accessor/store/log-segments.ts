// The statements on segments of the log: a segment is a partition of log and one of receipt. It is
// opened, closed when the next one opens, and retired as a whole.
import type { Database } from "./database.ts";
import { listPartitions } from "./partitions.ts";

type Options = { abort: AbortSignal };

/**
 * due: it is old or large enough to be followed by the next one. used: something was committed in
 * it.
 */
export type NewestSegment = { segment: number; due: boolean; used: boolean };

export async function readNewestSegment(
  database: Database,
  { segmentMs, segmentBytes, abort }: Options & { segmentMs: number; segmentBytes: number },
): Promise<NewestSegment> {
  const [row] = await database.compact(
    `select segment, clock_timestamp() - opened_at > $1::int8 * interval '1 millisecond'
       or pg_total_relation_size(('log_' || segment)::regclass) > $2::int8,
       exists (select from receipt where receipt.segment = newest.segment)
     from (select * from log_segment order by segment desc limit 1) newest`,
    [segmentMs, segmentBytes],
    { name: "segment_due", abort },
  );
  const [segment, due, used] = row as [number, boolean, boolean];
  return { segment, due, used };
}

/**
 * Attached first, pointed to afterwards, so that a writer always finds a table. A plain create
 * would lock out readers; attaching does not. Continues from wherever an earlier attempt was
 * interrupted.
 */
export async function openSegment(
  database: Database,
  segment: number,
  { abort }: Options,
): Promise<void> {
  for (const parent of ["log", "receipt"] as const) {
    const name = `${parent}_${segment}`;
    await database.compact(
      `create table if not exists ${name} (like ${parent} including defaults including storage, check (segment = ${segment}))
         with (autovacuum_vacuum_insert_threshold = -1)`,
      [],
      { abort },
    );
    const attached = (await listPartitions(database, [parent])).some(
      (partition) => partition.name === name && partition.state === "attached",
    );
    if (!attached)
      await database.compact(
        `alter table ${parent} attach partition ${name} for values in (${segment})`,
        [],
        { abort },
      );
  }
  await database.compact("select open_segment($1::int4)", [segment], { abort });
}

/**
 * compacted: every reader's watermark has passed it. old: it was closed before the window of the
 * log. bytes: on disk.
 */
export type Segment = { segment: number; compacted: boolean; old: boolean; bytes: number };

/** All segments, oldest first; the newest one is never old. */
export async function readSegments(
  database: Database,
  { logWindowMs, abort }: Options & { logWindowMs: number },
): Promise<Segment[]> {
  // Below the lowest watermark, only feeds read the log; this is their window.
  const rows = (await database.compact(
    `select segment, next_revision - 1 <= (select min(revision) from watermark), closed_at < clock_timestamp() - $1::int8 * interval '1 millisecond',
       pg_total_relation_size(('log_' || segment)::regclass) + pg_total_relation_size(('receipt_' || segment)::regclass)
     from (select segment, lead(first_revision) over w as next_revision, lead(opened_at) over w as closed_at
       from log_segment window w as (order by segment)) segments order by segment`,
    [logWindowMs],
    { name: "segments", abort },
  )) as [number, boolean | null, boolean | null, number][];
  return rows.map(([segment, compacted, old, bytes]) => ({
    segment,
    compacted: compacted ?? false,
    old: old ?? false,
    bytes,
  }));
}

/**
 * It is not read from now on. Its floor is moved first: a producer's numbering outlives receipts.
 */
export async function retireSegment(
  database: Database,
  segment: number,
  { abort }: Options,
): Promise<void> {
  await database.compact("select retire_segment($1::int4)", [segment], { abort });
}

/** The oldest segment that is not retired. */
export async function readFirstSegment(database: Database, { abort }: Options): Promise<number> {
  const [row] = await database.compact("select min(segment) from log_segment", [], {
    name: "first_segment",
    abort,
  });
  return (row as [number])[0];
}
