// Reads what a step of compaction takes from the log: whole commits after the watermark, decoded,
// by series and bucket.
import { fromBinary } from "@bufbuild/protobuf";
import { BatchSchema, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { decodeBlock } from "../../codec/block/decode.ts";
import type { Column } from "../../codec/column.ts";
import type { TrackedColumn } from "../../codec/column-merge.ts";
import { lowerBound } from "../../codec/lower-bound.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import { Turns } from "../../runtime/turns.ts";
import { chooseBucketUs, floorTo, minuteUs } from "../history/buckets-of-time.ts";
import { weekUs } from "../store/block-spans.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { readHead } from "../store/log.ts";
import { type CommitRow, readCommit, readCommits, readHeldCommit } from "../store/log-commits.ts";
import type { Series } from "../store/series.ts";
import type { Unreadable } from "../store/step-rows.ts";
import { Touches } from "./touches.ts";

/**
 * New samples of one bucket, in order of commit. late: some belong to a commit that was held, and
 * so may be older than commits in the history.
 */
export type Arrivals = {
  series: Series;
  bucketUs: number;
  columns: TrackedColumn[];
  late: boolean;
};

/** State changes of a machine that arrived together: their times, in no order. */
export type StateArrival = { machineId: number; timesUs: number[] };

export type Gathered = {
  /** The new watermark: everything up to it is included. */
  through: number;
  /** Whether the log has more commits than this step takes. */
  more: boolean;
  /** The first included commit after the watermark. */
  first: number;
  /**
   * Number of log rows included, and whether they are all of one commit, which a step cannot split.
   */
  rows: number;
  oneCommit: boolean;
  arrivals: Arrivals[];
  stateArrivals: StateArrival[];
  unreadable: Unreadable[];
  touches: Touches;
  samples: number;
};

/**
 * A commit beyond these limits is taken alone and whole; it is at most as large as a batch may be.
 */
export type GatherLimits = {
  maxRows: number;
  maxPayloadBytes: number;
  maxSamples: number;
  /**
   * Most buckets, and most minutes, that the samples may be in: sparse samples are in far more of
   * them than dense ones.
   */
  maxBuckets: number;
  /** Most weeks, and so partitions, that they may be in. */
  maxWeeks: number;
};

type GatherOptions = GatherLimits & {
  catalog: Catalog;
  /** A held commit to take in addition to the others. */
  held?: number | undefined;
  abort: AbortSignal;
};

/** Undefined if nothing was committed after the watermark. */
export async function gather(
  database: Database,
  after: number,
  {
    catalog,
    maxRows,
    maxPayloadBytes,
    maxSamples,
    maxBuckets,
    maxWeeks,
    held,
    abort,
  }: GatherOptions,
): Promise<Gathered | undefined> {
  const head = await readHead(database);
  if (head.revision <= after) return undefined;
  const page = await readCommits(
    database,
    { after, through: head.revision },
    { maxRows, maxPayloadBytes, maxSamples, abort },
  );
  // pg_column_size of an inline value counts its header too, so this never mistakes a cut page for
  // a complete one.
  const bytes = page.reduce((sum, [, , , , payload]) => sum + payload.byteLength + 4, 0);
  const samples = page.reduce((sum, row) => sum + row[5], 0);
  const complete = page.length < maxRows && bytes < maxPayloadBytes && samples < maxSamples;
  const { rows, through } = complete
    ? { rows: page, through: head.revision }
    : await wholeCommits(database, page, abort);
  const gathered: Gathered = {
    through,
    more: through < head.revision,
    first: rows[0]?.[0] ?? through,
    rows: 0,
    oneCommit: true,
    arrivals: [],
    stateArrivals: [],
    unreadable: [],
    touches: new Touches(),
    samples: 0,
  };
  const target = {
    gathered,
    buckets: new Map<string, Arrivals>(),
    weeks: new Set<number>(),
    catalog,
    late: false,
  };
  if (held !== undefined)
    for (const row of await readHeldCommit(database, held, abort))
      await take(row, { ...target, late: true });
  // Load all at once: after a restart none of them is known, and one statement for each of 195,000
  // series took 65 s.
  await catalog.getAll(rows.map(([, seriesId]) => seriesId));
  // 10,000 rows with one second each take 60 ms.
  const turns = new Turns();
  for (const row of rows) {
    const [revision] = row;
    const full =
      target.buckets.size >= maxBuckets ||
      gathered.touches.size >= maxBuckets ||
      target.weeks.size >= maxWeeks;
    if (revision > gathered.first) {
      if (full && revision > rows[gathered.rows - 1]![0]) {
        gathered.through = revision - 1;
        gathered.more = true;
        break;
      }
      gathered.oneCommit = false;
    }
    await take(row, target);
    gathered.rows++;
    await turns.pause();
    abort.throwIfAborted();
  }
  gathered.arrivals = [...target.buckets.values()];
  return gathered;
}

/**
 * Keeps whole commits: the last row of a cut page may not be the last of its commit. A commit that
 * fills a page alone is read completely.
 */
async function wholeCommits(
  database: Database,
  page: CommitRow[],
  abort: AbortSignal,
): Promise<{ rows: CommitRow[]; through: number }> {
  const last = page.at(-1)![0];
  if (page[0]![0] < last)
    return { rows: page.filter(([revision]) => revision < last), through: last - 1 };
  return { rows: await readCommit(database, last, abort), through: last };
}

type Target = {
  gathered: Gathered;
  buckets: Map<string, Arrivals>;
  weeks: Set<number>;
  catalog: Catalog;
  /** Whether the rows belong to a held commit. */
  late: boolean;
};

async function take(
  [revision, seriesId, firstUs, lastUs, payload]: CommitRow,
  target: Target,
): Promise<void> {
  const { gathered, catalog } = target;
  const series = await catalog.get(seriesId);
  const { machineId } = series;
  try {
    if (series.kind === SignalKind.STATE) {
      const { stateChanges } = fromBinary(BatchSchema, payload, { readUnknownFields: false });
      const timesUs = stateChanges.map(({ time }) => toTimeUs(time)!);
      gathered.stateArrivals.push({ machineId, timesUs });
      gathered.touches.add(seriesId, revision, timesUs);
    }
    if (series.kind === SignalKind.EVENT) {
      const { errorReports } = fromBinary(BatchSchema, payload, { readUnknownFields: false });
      gathered.touches.add(
        seriesId,
        revision,
        errorReports.map(({ time }) => toTimeUs(time)!),
      );
    }
    if (series.kind === SignalKind.NUMERIC)
      sort(decodeBlock(payload), { ...target, series, revision });
  } catch (error) {
    gathered.unreadable.push({
      revision,
      seriesId,
      reason: error instanceof Error ? error.message : String(error),
    });
    // The changes themselves are in their own table; the row still has roughly their times.
    if (series.kind === SignalKind.STATE)
      gathered.stateArrivals.push({ machineId, timesUs: [firstUs, lastUs] });
    gathered.touches.add(seriesId, revision, [firstUs, lastUs]);
  }
}

/** By bucket. */
function sort(
  { timesUs, values }: Column,
  {
    gathered,
    buckets,
    weeks,
    late,
    series,
    revision,
  }: Target & { series: Series; revision: number },
): void {
  const width = chooseBucketUs(series);
  for (let start = 0; start < timesUs.length; ) {
    const bucketUs = floorTo(timesUs[start]!, width);
    const end =
      timesUs.at(-1)! < bucketUs + width ? timesUs.length : lowerBound(timesUs, bucketUs + width);
    const key = `${series.id}:${bucketUs}`;
    const arrivals = buckets.get(key) ?? { series, bucketUs, columns: [], late };
    buckets.set(key, arrivals);
    weeks.add(floorTo(bucketUs, weekUs));
    const revisions = new Float64Array(end - start).fill(revision);
    gathered.touches.add(
      series.id,
      revision,
      width === minuteUs ? [bucketUs] : timesUs.subarray(start, end),
    );
    arrivals.columns.push({
      timesUs: timesUs.subarray(start, end),
      values: values.subarray(start, end),
      revisions,
    });
    start = end;
  }
  gathered.samples += timesUs.length;
}
