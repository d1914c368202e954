// Retention: drops records that are older than they are kept. Whole weeks of blocks as partitions,
// the rest in portions, by series.

import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { Log } from "../../runtime/log.ts";
import { type Retention, retentionMs } from "../domain/retention.ts";
import { hourUs } from "../history/buckets-of-time.ts";
import { toArray } from "../store/binary-arrays.ts";
import { type Span, spanOf, weekUs } from "../store/block-spans.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { dropPartition, listPartitions, type Partition } from "../store/partitions.ts";
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

// A bucket is an hour at most; and what ingest took just before it became too old is to be
// compacted first.
const slackUs = 2 * hourUs;

export async function retain(options: RetainOptions): Promise<void> {
  const { database, catalog, retention, rollupRetentionMs, nowUs, abort } = options;
  // Nobody tells compaction what was registered meanwhile.
  catalog.markStale();
  const all = await catalog.select({ machines: [], signals: [] });
  const beforeUs = (ms: number | undefined) =>
    ms === undefined ? undefined : nowUs() - ms * 1000 - slackUs;
  const names = ["state", "error", ...all.map((item) => item.signal)];
  const keptMs = [rollupRetentionMs, ...names.map((name) => retentionMs(retention, name))];
  const lives = keptMs.filter((ms) => ms !== undefined);
  const shortestMs = lives.reduce((least, ms) => Math.min(least, ms), Number.POSITIVE_INFINITY);
  const longestMs = lives.reduce((most, ms) => Math.max(most, ms), 0);
  // Said before and after, and whether or not something goes: to those who keep answers it costs
  // one look.
  const noteRemoval = async () => {
    if (lives.length === 0) return;
    await database.compact("select note_removal($1::int8)", [Math.floor(beforeUs(shortestMs)!)], {
      abort,
    });
  };
  await noteRemoval();
  await dropBlocks(options, all);
  await dropRows(options, "drop_states_before", beforeUs(retentionMs(retention, "state")));
  await dropRows(options, "drop_errors_before", beforeUs(retentionMs(retention, "error")));
  await dropRows(options, "drop_rollups_before", beforeUs(rollupRetentionMs));
  const samplesMs = all
    .filter(isNumeric)
    .map((item) => retentionMs(retention, item.signal) ?? Number.POSITIVE_INFINITY)
    .reduce((most, ms) => Math.max(most, ms), 0);
  if (samplesMs > 0 && samplesMs < Number.POSITIVE_INFINITY)
    await dropRows(options, "drop_minutes_before", beforeUs(samplesMs));
  // Nothing is older than what is kept longest.
  if (lives.length === keptMs.length) {
    await dropRows(options, "drop_touched_before", beforeUs(longestMs));
    await dropRows(options, "drop_days_before", beforeUs(longestMs));
    await dropRows(options, "drop_alive_before", beforeUs(longestMs));
  }
  await noteRemoval();
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
      // A week of what is kept longest goes as a whole; wider ones are too wide to wait for that.
      if (fromUs >= beforeUs(ms) || (ms === longestMs && toUs - fromUs === weekUs)) continue;
      await dropBlocksOf(options, ids, { fromUs, toUs: Math.min(toUs, beforeUs(ms)) });
    }
  }
}

const seriesAtOnce = 1_000;

/**
 * What lies in the range of one partition; a thousand series at a time, so that a statement is as
 * long as an hour's work, however many there are.
 */
async function dropBlocksOf(
  options: RetainOptions,
  ids: readonly number[],
  { fromUs, toUs }: Span,
): Promise<void> {
  const { database, maxDropped, abort } = options;
  for (let start = 0; start < ids.length; start += seriesAtOnce) {
    const some = toArray.int4(ids.slice(start, start + seriesAtOnce));
    for (let dropped = maxDropped; dropped === maxDropped; ) {
      const [row] = await database.compact(
        "select drop_blocks_between($1::int4[], $2::int8, $3::int8, $4::int4)",
        [some, fromUs, toUs, maxDropped],
        { name: "drop_blocks_between", abort },
      );
      dropped = (row as [number])[0];
    }
  }
}

type RowDropper =
  `drop_${"states" | "errors" | "rollups" | "touched" | "minutes" | "days" | "alive"}_before`;

async function dropRows(
  options: RetainOptions,
  dropper: RowDropper,
  beforeUs: number | undefined,
): Promise<void> {
  if (beforeUs === undefined) return;
  while (
    (await dropPortion(options, `${dropper}($1::int8, $2::int4)`, [beforeUs])) ===
    options.maxDropped
  );
}

async function dropPortion(
  { database, maxDropped, abort }: Pick<RetainOptions, "database" | "maxDropped" | "abort">,
  call: string,
  [beforeUs, ...more]: number[],
): Promise<number> {
  const [row] = await database.compact(
    `select ${call}`,
    [Math.floor(beforeUs!), maxDropped, ...more],
    { abort },
  );
  return (row as [number])[0];
}
