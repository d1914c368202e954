// The log's rows for compaction: those of the next commits, of one commit, and of a commit that is
// held beside the log.
import type { Database } from "./database.ts";
import { segmentsAfter } from "./held.ts";

export type CommitRow = [
  revision: number,
  seriesId: number,
  firstUs: number,
  lastUs: number,
  payload: Buffer,
  samples: number,
];

const columns = "revision, series_id, first_us, last_us, payload, sample_count";

/**
 * Rows of the commits after a revision, in order: up to the limits, but at least one. The last
 * commit may be cut.
 */
export async function readCommits(
  database: Database,
  { after, through }: { after: number; through: number },
  {
    maxRows,
    maxPayloadBytes,
    maxSamples,
    abort,
  }: { maxRows: number; maxPayloadBytes: number; maxSamples: number; abort: AbortSignal },
): Promise<CommitRow[]> {
  return (await database.read(
    `select ${columns} from (
       select *, sum(pg_column_size(payload)) over w - pg_column_size(payload) as bytes_before, sum(sample_count) over w - sample_count as samples_before
       from (
         select ${columns} from log
         where revision > $1::int8 and revision <= $2::int8 and ${segmentsAfter("$1::int8")}
         order by revision, series_id limit $3::int4) page
       window w as (order by revision, series_id)) sized
     where bytes_before < $4::int8 and samples_before < $5::int8 order by revision, series_id`,
    [after, through, maxRows, maxPayloadBytes, maxSamples],
    { name: "gather", abort },
  )) as CommitRow[];
}

/** All rows of one commit. */
export async function readCommit(
  database: Database,
  revision: number,
  abort: AbortSignal,
): Promise<CommitRow[]> {
  return (await database.read(
    `select ${columns} from log
     where revision = $1::int8 and ${segmentsAfter("$1::int8 - 1")} order by series_id`,
    [revision],
    { name: "gather_commit", abort },
  )) as CommitRow[];
}

/** All rows of a commit that is held. */
export async function readHeldCommit(
  database: Database,
  revision: number,
  abort: AbortSignal,
): Promise<CommitRow[]> {
  return (await database.read(
    `select ${columns} from held_log
     where revision = $1::int8 and released_at is null order by series_id`,
    [revision],
    { name: "gather_held", abort },
  )) as CommitRow[];
}

/** Revisions of the commits that are held, ascending. */
export async function readHeldCommits(database: Database, abort: AbortSignal): Promise<number[]> {
  const rows = await database.read(
    "select revision from held_commit where released_at is null order by revision",
    [],
    { name: "held", abort },
  );
  return (rows as [number][]).map(([revision]) => revision);
}
