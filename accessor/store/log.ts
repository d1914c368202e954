// Reads the log: its head, whole commits for feeds, and the rows of a series for ranges. Rows never
// change, so no snapshot is held.
import { create, fromBinary } from "@bufbuild/protobuf";
import { type Batch, BatchSchema, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { decodeBlock } from "../../codec/block/decode.ts";
import { maxColumnBytes } from "../../codec/wire/batch-bytes.ts";
import type { SeenEpoch } from "../domain/epochs.ts";
import { toArray } from "./binary-arrays.ts";
import type { Catalog } from "./catalog.ts";
import type { Database } from "./database.ts";
import { shownSamples } from "./shown-samples.ts";

type LogRow = [
  revision: number,
  seriesId: number,
  payload: Buffer,
  bytes: number,
  epoch: SeenEpoch,
];

/** A commit: its revision, the records of its batch, and their maximum size (see rowBytes). */
export type Commit = { revision: number; batch: Batch; bytes: number };

/** committedUs: undefined while nothing was committed. */
export type Head = { revision: number; committedUs: number | undefined };

/** epoch: that of the history it was read from. */
type SeenHead = Head & { epoch: SeenEpoch };

type ReadOptions = { abort?: AbortSignal | undefined };

/**
 * The newest revision. If the current segment is still empty, its time is that of its receipt in an
 * older segment; once that is gone, of the compaction that included it, a minute later.
 */
export async function readHead(database: Database, { abort }: ReadOptions = {}): Promise<SeenHead> {
  const text = `select revision, coalesce(committed_us, ${commitTime("head.revision")}), current_epoch() from log_head() head`;
  const [row] = await database.read(text, [], { name: "head", abort });
  const [revision, committedUs, epoch] = row as [number, number | null, SeenEpoch];
  return { revision, committedUs: committedUs ?? undefined, epoch };
}

/**
 * The head, how many declarations have changed, and whether this database may write now and keeps
 * its commits (cf. assert_durable in 0003_ingest.sql; our own sessions set synchronous_commit).
 */
export async function pollHead(
  database: Database,
  { abort }: ReadOptions = {},
): Promise<SeenHead & { mayWrite: boolean; redeclared: number }> {
  const [row] = await database.read(
    `select revision, committed_us, current_setting('transaction_read_only') = 'off' and current_setting('fsync') = 'on'
       and current_setting('full_page_writes') = 'on', current_epoch(), (select coalesce(max(n), 0) from redeclared)
     from log_head()`,
    [],
    // A session may stay read-only when new ones are not; and it may lead to the former primary of
    // a failover.
    { name: "poll_head", abort, retires: ([polled]) => polled?.[2] === false },
  );
  const [revision, committedUs, mayWrite, epoch, redeclared] = row as [
    number,
    number | null,
    boolean,
    SeenEpoch,
    number,
  ];
  return { revision, committedUs: committedUs ?? undefined, mayWrite, epoch, redeclared };
}

/** The database's clock, and the epoch of its history. */
export async function readMoment(
  database: Database,
  { abort }: ReadOptions = {},
): Promise<{ nowUs: number; epoch: SeenEpoch }> {
  const text = "select to_us(clock_timestamp()), current_epoch()";
  const [row] = await database.read(text, [], { name: "moment", abort });
  const [nowUs, epoch] = row as [number, SeenEpoch];
  return { nowUs, epoch };
}

/** The first revision that the log still holds. */
export async function readEarliest(database: Database): Promise<number> {
  const [row] = await database.read("select min(first_revision) from log_segment", [], {
    name: "earliest",
  });
  return (row as [number])[0];
}

/**
 * When a revision was committed; if its receipt is gone, when it was compacted. Null: neither is
 * known.
 */
export const commitTime = (revision: string): string => `coalesce(
  (select to_us(min(committed_at)) from receipt where receipt.revision = ${revision}),
  (select to_us(compacted_at) from watermark where watermark.revision >= ${revision} and ${revision} > 0
   order by watermark.revision limit 1))`;

/** When a revision was committed; undefined if the log does not hold it. */
export async function readCommitTime(
  database: Database,
  revision: number,
): Promise<number | undefined> {
  const [row] = await database.read(
    "select to_us(min(committed_at)) from receipt where revision = $1::int8",
    [revision],
    {
      name: "commit_time",
    },
  );
  return (row as [number | null])[0] ?? undefined;
}

/**
 * The last revision committed before a time, 0 if there was none; undefined if the commits of that
 * time are no longer in the log. Commit times never decrease.
 */
export async function readRevisionBefore(
  database: Database,
  timeUs: number,
): Promise<number | undefined> {
  const [row] = await database.read(
    `select
       (select max(revision) from receipt where committed_at < from_us($1::int8)),
       (select first_revision - 1 from log_segment where opened_at <= from_us($1::int8)
        order by segment desc limit 1),
       (select min(first_revision) from log_segment)`,
    [timeUs],
    { name: "revision_before" },
  );
  const [committed, opened, earliest] = row as [number | null, number | null, number];
  // In a segment that was opened before the time, there may be no commit before it.
  if (opened !== null) return Math.max(committed ?? 0, opened);
  // A log that still has its first commit is complete for any time.
  return earliest === 1 ? 0 : undefined;
}

/**
 * The maximum size of a row of the log: in a message, and approximately in memory. It is known
 * before its payload is: equal values pack to nothing.
 */
export const rowBytes = (payloadBytes: number, count: number): number =>
  payloadBytes + maxColumnBytes(count);
const rowBytesSql = `octet_length(payload) + ${maxColumnBytes(0)} + ${maxColumnBytes(1) - maxColumnBytes(0)} * sample_count`;

/** Of a page with more than one commit, as rowBytes counts. */
const maxPageBytes = 2 * 1024 * 1024;
const maxPageRows = 2_000;
/** For a page of some series only, which may have few rows in many revisions. */
const maxPageRevisions = 20_000;

type Page<C extends Commit = Commit> = {
  commits: C[];
  through: number;
  epoch: SeenEpoch | undefined;
};

/**
 * Commits after one revision and through another, ascending, only rows of the given series (all if
 * undefined). May stop early: `through` reports how far it got. Never returns part of a commit.
 * epoch: that of the history that the rows were read from; undefined if there are none.
 */
export async function readCommits(
  database: Database,
  range: { after: number; through: number; seriesIds?: readonly number[] | undefined },
  { catalog, abort }: ReadOptions & { catalog: Catalog },
): Promise<Page> {
  // A plan made before a partition was analyzed reads and sorts its whole range for every page: 44
  // ms instead of 4 at 24,000 rows, and longer with more rows. So the range ends where a page must
  // end at the latest: a revision has at least one row.
  const last = Math.min(
    range.through,
    range.after + (range.seriesIds === undefined ? maxPageRows : maxPageRevisions),
  );
  const rows = (await database.read(
    `select revision, series_id, payload, bytes, (select current_epoch()) from (
       select *, sum(bytes) over (order by revision, series_id) - bytes as bytes_before from (
         select revision, series_id, payload, ${rowBytesSql} as bytes from log
         where revision > $1::int8 and revision <= $2::int8 and ($3::int4[] is null or series_id = any($3::int4[]))
         order by revision, series_id limit ${maxPageRows}) page) sized
     where bytes_before < ${maxPageBytes} order by revision, series_id`,
    [range.after, last, range.seriesIds === undefined ? null : toArray.int4(range.seriesIds)],
    { name: "commits", abort },
  )) as LogRow[];
  const bytes = rows.reduce((sum, [, , , own]) => sum + own, 0);
  // Rows are added until the page is full: the last one may exceed it.
  const complete = rows.length < maxPageRows && bytes < maxPageBytes;
  let through = last;
  let whole = rows;
  if (!complete) {
    // The last commit may continue beyond the page. A single commit may be larger than a page: a
    // batch has up to 4 MiB and 65,536 records.
    const lastRevision = rows.at(-1)![0];
    whole = rows.filter(([revision]) => revision < lastRevision);
    through = lastRevision - 1;
    if (whole.length === 0) {
      whole = await readWholeCommit(database, lastRevision, range.seriesIds);
      through = lastRevision;
    }
  }
  return { commits: await toCommits(whole, catalog), through, epoch: whole[0]?.[4] };
}

/** Like readCommits, with the time of each commit. */
export async function readTimedCommits(
  database: Database,
  range: { after: number; through: number },
  options: ReadOptions & { catalog: Catalog },
): Promise<Page<Commit & { committedUs: number }>> {
  const { commits, ...page } = await readCommits(database, range, options);
  const times = new Map(
    (await database.read(
      "select revision, to_us(min(committed_at)) from receipt where revision = any($1::int8[]) group by revision",
      [toArray.int8(commits.map(({ revision }) => revision))],
      { name: "commit_times" },
    )) as [number, number][],
  );
  return {
    ...page,
    commits: commits.map((commit) => ({ ...commit, committedUs: times.get(commit.revision) ?? 0 })),
  };
}

async function readWholeCommit(
  database: Database,
  revision: number,
  seriesIds: readonly number[] | undefined,
) {
  return (await database.read(
    `select revision, series_id, payload, ${rowBytesSql}, (select current_epoch()) from log
     where revision = $1::int8 and ($2::int4[] is null or series_id = any($2::int4[]))
     order by series_id`,
    [revision, seriesIds === undefined ? null : toArray.int4(seriesIds)],
    { name: "commit" },
  )) as LogRow[];
}

async function toCommits(rows: LogRow[], catalog: Catalog): Promise<Commit[]> {
  const commits: Commit[] = [];
  const byId = await catalog.getAll(rows.map(([, seriesId]) => seriesId));
  for (const [revision, seriesId, payload, bytes] of rows) {
    const series = byId.get(seriesId)!;
    let commit = commits.at(-1);
    if (commit?.revision !== revision) {
      commit = {
        revision,
        batch: create(BatchSchema, { machine: series.machine }),
        bytes: Buffer.byteLength(series.machine),
      };
      commits.push(commit);
    }
    commit.bytes += bytes;
    if (series.kind === SignalKind.NUMERIC) {
      commit.batch.samples.push(shownSamples(series, decodeBlock(payload)));
    } else {
      // A commit has one row of each kind.
      const { stateChanges, errorReports } = fromBinary(BatchSchema, payload, {
        readUnknownFields: false,
      });
      if (stateChanges.length > 0) commit.batch.stateChanges = stateChanges;
      if (errorReports.length > 0) commit.batch.errorReports = errorReports;
    }
  }
  return commits;
}
