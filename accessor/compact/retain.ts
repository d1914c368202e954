// Retention: drops records that are older than they are kept. Whole weeks of blocks as partitions, the rest in portions, by series.

import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { Log } from "../../runtime/log.ts";
import { hourUs } from "../history/buckets-of-time.ts";
import { type Retention, retentionMs } from "../retention.ts";
import type { Catalog, Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { dropPartition, listPartitions } from "../store/partitions.ts";

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
  signal: AbortSignal;
};

// A bucket is an hour at most; and what ingest took just before it became too old is to be compacted first.
const slackUs = 2 * hourUs;

export async function retain(options: RetainOptions): Promise<void> {
  const { database, catalog, retention, rollupRetentionMs, nowUs, signal } = options;
  const all = await catalog.select({ machines: [], signals: [] });
  const beforeUs = (ms: number | undefined) => (ms === undefined ? undefined : nowUs() - ms * 1000 - slackUs);
  const names = ["state", "error", ...all.map((item) => item.signal)];
  const keptMs = [rollupRetentionMs, ...names.map((name) => retentionMs(retention, name))];
  const lives = keptMs.filter((ms) => ms !== undefined);
  const shortestMs = lives.reduce((least, ms) => Math.min(least, ms), Number.POSITIVE_INFINITY);
  const longestMs = lives.reduce((most, ms) => Math.max(most, ms), 0);
  // Said before and after, and whether or not something goes: to those who keep answers it costs one look.
  const noteRemoval = async () => {
    if (lives.length === 0) return;
    await database.compact("select note_removal($1::int8)", [Math.floor(beforeUs(shortestMs)!)], { signal });
  };
  await noteRemoval();
  await dropBlocks(options, all);
  await dropRows(options, "drop_states_before", beforeUs(retentionMs(retention, "state")));
  await dropRows(options, "drop_errors_before", beforeUs(retentionMs(retention, "error")));
  await dropRows(options, "drop_rollups_before", beforeUs(rollupRetentionMs));
  // Nothing is older than what is kept longest.
  if (lives.length === keptMs.length) await dropRows(options, "drop_touched_before", beforeUs(longestMs));
  await noteRemoval();
}

async function dropBlocks(
  { database, log, nowUs, retention, maxDropped, signal }: RetainOptions,
  all: readonly Series[],
): Promise<void> {
  const kept = all
    .filter(({ kind }) => kind === SignalKind.NUMERIC)
    .map(({ id, signal: name }) => ({ id, ms: retentionMs(retention, name) ?? Number.POSITIVE_INFINITY }));
  if (kept.length === 0) return;
  const longestMs = kept.reduce((most, { ms }) => Math.max(most, ms), 0);
  const beforeUs = nowUs() - longestMs * 1000 - slackUs;
  for (const partition of await listPartitions(database, ["block"])) {
    if (partition.state === "attached" && endOf(partition.name) > beforeUs) continue;
    await dropPartition(database, partition, { signal });
    log.info("dropped a partition of the history", { partition: partition.name });
  }
  for (const { id, ms } of kept) {
    if (ms === longestMs) continue;
    const before = nowUs() - ms * 1000 - slackUs;
    while (
      (await dropPortion({ database, maxDropped, signal }, "drop_blocks_before($3::int4, $1::int8, $2::int4)", [
        before,
        id,
      ])) === maxDropped
    );
  }
}

/** block_20260108 ends a week after that day. */
function endOf(partition: string): number {
  const [, year, month, day] = /_(\d{4})(\d\d)(\d\d)$/.exec(partition)!.map(Number);
  return Date.UTC(year!, month! - 1, day! + 7) * 1000;
}

type RowDropper = "drop_states_before" | "drop_errors_before" | "drop_rollups_before" | "drop_touched_before";

async function dropRows(options: RetainOptions, dropper: RowDropper, beforeUs: number | undefined): Promise<void> {
  if (beforeUs === undefined) return;
  while ((await dropPortion(options, `${dropper}($1::int8, $2::int4)`, [beforeUs])) === options.maxDropped);
}

async function dropPortion(
  { database, maxDropped, signal }: Pick<RetainOptions, "database" | "maxDropped" | "signal">,
  call: string,
  [beforeUs, ...more]: number[],
): Promise<number> {
  const [row] = await database.compact(`select ${call}`, [Math.floor(beforeUs!), maxDropped, ...more], { signal });
  return (row as [number])[0];
}
