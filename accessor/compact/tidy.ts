// Drops what nobody can ask for any more: superseded versions after the life of a page token, log segments after the resume window, and what
// retention says. Opens the next segment when the present one is old or large.
import type { Log } from "../../runtime/log.ts";
import type { Database } from "../store/database.ts";
import { makePartitions, weekUs } from "./partitions.ts";

export type TidyOptions = {
  database: Database;
  log: Log;
  /** The database's clock. */
  nowUs: () => number;
  /** How long the log reaches back, at least if it stays below maxLogBytes. */
  logWindowMs: number;
  maxLogBytes: number;
  /** A segment is closed at this age or size. */
  segmentMs: number;
  segmentBytes: number;
  /** How long a superseded version stays readable: longer than a page token lives. */
  supersededMs: number;
  /** How long samples, states and errors are kept; undefined: for ever. */
  retentionMs: number | undefined;
  /** How long roll-ups are kept; undefined: for ever. */
  rollupRetentionMs: number | undefined;
};

export async function tidy(options: TidyOptions): Promise<void> {
  const { database, nowUs } = options;
  await makePartitions(database, [nowUs(), nowUs() + weekUs]);
  await openSegment(options);
  const passed = await dropSuperseded(options);
  await dropSegments(options, passed);
  await applyRetention(options);
}

async function openSegment({ database, segmentMs, segmentBytes, log }: TidyOptions): Promise<void> {
  const [row] = await database.compact(
    `select segment, clock_timestamp() - opened_at > $1::int8 * interval '1 millisecond'
       or pg_total_relation_size(('log_' || segment)::regclass) > $2::int8,
       exists (select from receipt where receipt.segment = newest.segment)
     from (select * from log_segment order by segment desc limit 1) newest`,
    [segmentMs, segmentBytes],
    { name: "segment_due" },
  );
  const [segment, due, used] = row as [number, boolean, boolean];
  if (!due || !used) return;
  const next = segment + 1;
  // Attached first, pointed to afterwards: whoever writes finds a table. A plain create would lock readers out; attaching does not.
  for (const table of ["log", "receipt"]) {
    await database.compact(
      `create table if not exists ${table}_${next} (like ${table} including defaults including storage,
         check (segment = ${next})) with (autovacuum_vacuum_insert_threshold = -1)`,
      [],
      {},
    );
    const [attached] = await database.compact(
      `select exists (select from pg_inherits where inhrelid = '${table}_${next}'::regclass)`,
      [],
      {},
    );
    if (!(attached as [boolean])[0]) {
      await database.compact(`alter table ${table} attach partition ${table}_${next} for values in (${next})`, [], {});
    }
  }
  await database.compact("select open_segment($1::int4)", [next], {});
  log.info("opened a log segment", { segment: next });
}

/** Forgets versions that ended long ago. Answers the watermark that was current then: nobody reads below it. */
async function dropSuperseded({ database, supersededMs }: TidyOptions): Promise<number> {
  const [row] = await database.compact("select drop_superseded($1::int8)", [supersededMs], { name: "drop_superseded" });
  return (row as [number])[0];
}

async function dropSegments({ database, logWindowMs, maxLogBytes, log }: TidyOptions, passed: number): Promise<void> {
  const rows = (await database.compact(
    `select segment, closed_at < clock_timestamp() - $1::int8 * interval '1 millisecond', bytes from (
       select segment, first_revision, lead(first_revision) over w as next_revision, lead(opened_at) over w as closed_at,
         pg_total_relation_size(('log_' || segment)::regclass) + pg_total_relation_size(('receipt_' || segment)::regclass) as bytes
       from log_segment window w as (order by segment)) segments
     where next_revision - 1 <= $2::int8 order by segment`,
    [logWindowMs, passed],
    { name: "segments" },
  )) as [number, boolean, number][];
  let bytes = rows.reduce((sum, row) => sum + row[2], 0);
  for (const [segment, old, size] of rows) {
    if (!old && bytes <= maxLogBytes) return;
    // The floor first: a producer's numbering outlives its receipts.
    await database.compact("select retire_segment($1::int4)", [segment], {});
    for (const table of ["log", "receipt"]) {
      await database.compact(`alter table ${table} detach partition ${table}_${segment} concurrently`, [], {});
      await database.compact(`drop table ${table}_${segment}`, [], {});
    }
    bytes -= size;
    log.info("dropped a log segment", { segment, bytes: size });
  }
}

async function applyRetention({ database, nowUs, retentionMs, rollupRetentionMs, log }: TidyOptions): Promise<void> {
  if (retentionMs !== undefined) {
    const beforeUs = nowUs() - retentionMs * 1000;
    const rows = (await database.compact("select drop_block_partitions($1::int8)", [beforeUs], {})) as [string][];
    for (const [partition] of rows) log.info("dropped a partition of the history", { partition });
    await database.compact("delete from state_change where time_us < $1::int8", [beforeUs], {});
    await database.compact("delete from error_report where time_us < $1::int8", [beforeUs], {});
  }
  if (rollupRetentionMs !== undefined) {
    const beforeUs = nowUs() - rollupRetentionMs * 1000;
    await database.compact("delete from rollup_hour where hour_us < $1::int8", [beforeUs], {});
    await database.compact("delete from rollup_state where start_us < $1::int8", [beforeUs], {});
  }
}
