// Retention: drops records that are past their retention. Drops whole weeks of blocks as
// partitions, the rest in portions, by series.

import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { Log } from "../../runtime/log.ts";
import { type Retention, retentionMs } from "../domain/retention.ts";
import { hourUs } from "../history/buckets-of-time.ts";
import { type Span, spanOf, weekUs } from "../store/block-spans.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { dropPartition, listPartitions, type Partition } from "../store/partitions.ts";
import { dropBlocksBetween, dropRowsBefore, noteRemoval, type Removed } from "../store/removals.ts";
import type { Series } from "../store/series.ts";

export type RetainOptions = {
  database: Database;
  catalog: Catalog;
  log: Log;
  /** The database's clock. */
  nowUs: () => number;
  retention: Retention;
  /** How long roll-ups are kept; undefined: for ever. */
  rollupRetentionMs: number | undefined;
  /** Rows deleted at once. */
  maxDropped: number;
  abort: AbortSignal;
};

// A bucket is at most an hour; and records that ingest accepted just before they became too old
// must be compacted first.
const slackUs = 2 * hourUs;

export async function retain(options: RetainOptions): Promise<void> {
  const { database, catalog, retention, rollupRetentionMs, nowUs, abort } = options;
  // Compaction is not notified of series that were registered meanwhile.
  catalog.markStale();
  const all = await catalog.select({ machines: [], signals: [] });
  const beforeUs = (ms: number | undefined) =>
    ms === undefined ? undefined : nowUs() - ms * 1000 - slackUs;
  const names = ["state", "error", ...all.map((item) => item.signal)];
  const keptMs = [rollupRetentionMs, ...names.map((name) => retentionMs(retention, name))];
  const lives = keptMs.filter((ms) => ms !== undefined);
  const shortestMs = lives.reduce((least, ms) => Math.min(least, ms), Number.POSITIVE_INFINITY);
  const longestMs = lives.reduce((most, ms) => Math.max(most, ms), 0);
  // Bump the counter before and after, even if nothing is deleted: caches only check again.
  const note = async () => {
    if (lives.length === 0) return;
    await noteRemoval(database, beforeUs(shortestMs)!, { abort });
  };
  await note();
  await dropBlocks(options, all);
  await dropRows(options, "states", beforeUs(retentionMs(retention, "state")));
  await dropRows(options, "errors", beforeUs(retentionMs(retention, "error")));
  await dropRows(options, "rollups", beforeUs(rollupRetentionMs));
  const samplesMs = all
    .filter(isNumeric)
    .map((item) => retentionMs(retention, item.signal) ?? Number.POSITIVE_INFINITY)
    .reduce((most, ms) => Math.max(most, ms), 0);
  if (samplesMs > 0 && samplesMs < Number.POSITIVE_INFINITY)
    await dropRows(options, "minutes", beforeUs(samplesMs));
  // Nothing older than the longest retention exists.
  if (lives.length === keptMs.length) {
    await dropRows(options, "touched", beforeUs(longestMs));
    await dropRows(options, "days", beforeUs(longestMs));
    await dropRows(options, "alive", beforeUs(longestMs));
  }
  await note();
}

const isNumeric = ({ kind }: Series) => kind === SignalKind.NUMERIC;

async function dropBlocks(options: RetainOptions, all: readonly Series[]): Promise<void> {
  const { database, log, nowUs, retention, abort } = options;
  const kept = all.filter(isNumeric).map(({ id, signal: name }) => ({
    id,
    ms: retentionMs(retention, name) ?? Number.POSITIVE_INFINITY,
  }));
  if (kept.length === 0) return;
  const longestMs = kept.reduce((most, { ms }) => Math.max(most, ms), 0);
  const beforeUs = (ms: number) => Math.floor(nowUs() - ms * 1000 - slackUs);
  const left: Partition[] = [];
  for (const partition of await listPartitions(database, ["block"])) {
    if (partition.state === "attached" && spanOf(partition.name).toUs > beforeUs(longestMs)) {
      left.push(partition);
      continue;
    }
    await dropPartition(database, partition, { abort });
    log.info("dropped a partition of the history", { partition: partition.name });
  }
  for (const [ms, series] of Map.groupBy(kept, (one) => one.ms)) {
    if (ms === Number.POSITIVE_INFINITY) continue;
    const ids = series.map(({ id }) => id);
    for (const { name } of left) {
      const { fromUs, toUs } = spanOf(name);
      // A week past the longest retention is dropped as a whole; wider partitions are too wide to
      // wait for that.
      if (fromUs >= beforeUs(ms) || (ms === longestMs && toUs - fromUs === weekUs)) continue;
      await dropBlocksOf(options, ids, { fromUs, toUs: Math.min(toUs, beforeUs(ms)) });
    }
  }
}

const seriesAtOnce = 1_000;

/**
 * Drops blocks in the range of one partition, a thousand series at a time, which bounds each
 * statement however many series there are.
 */
async function dropBlocksOf(
  options: RetainOptions,
  ids: readonly number[],
  { fromUs, toUs }: Span,
): Promise<void> {
  const { database, maxDropped } = options;
  for (let start = 0; start < ids.length; start += seriesAtOnce) {
    const seriesIds = ids.slice(start, start + seriesAtOnce);
    const drop = () => dropBlocksBetween(database, { seriesIds, fromUs, toUs }, options);
    while ((await drop()) === maxDropped);
  }
}

async function dropRows(
  options: RetainOptions,
  kind: Removed,
  beforeUs: number | undefined,
): Promise<void> {
  if (beforeUs === undefined) return;
  const { database, maxDropped } = options;
  while ((await dropRowsBefore(database, { kind, beforeUs }, options)) === maxDropped);
}
