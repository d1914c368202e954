// Drops data that no request can reach any more: superseded versions after the lifetime of a page
// token, and log segments after the resume window. Opens the next segment when the present one is
// old or large. It may be interrupted after any step: the next tidy continues from there.
import type { Log } from "../../runtime/log.ts";
import { fewPartitions } from "../store/block-parts.ts";
import { weekUs } from "../store/block-spans.ts";
import type { Database } from "../store/database.ts";
import { dropIdleProducers } from "../store/ingest.ts";
import {
  openSegment,
  readFirstSegment,
  readNewestSegment,
  readSegments,
  retireSegment,
} from "../store/log-segments.ts";
import {
  dropPartition,
  listPartitions,
  makeBlockPartitions,
  mergeBlockPartitions,
  type Partition,
} from "../store/partitions.ts";
import { dropReleased, dropSuperseded } from "../store/removals.ts";
import { analyzeMinutes, type MadeForViews, makeForViews } from "../store/view-days.ts";

// A portion takes some 30 ms, and delays ingest for a small part of that.
const producerPortion = 1_000;
const maxProducerPortions = 50;

export type TidyOptions = {
  database: Database;
  log: Log;
  /** The database's clock. */
  nowUs: () => number;
  /** How far the log reaches back, as long as it stays below maxLogBytes. */
  logWindowMs: number;
  maxLogBytes: number;
  /** A segment is closed at this age or size. */
  segmentMs: number;
  segmentBytes: number;
  /** How long a superseded version stays readable: longer than a page token lives. */
  supersededMs: number;
  /** Most blocks to drop at once. */
  maxDropped: number;
  /**
   * Most producers named by the gateway that one owner keeps once their receipts are deleted.
   * Default 1,000,000.
   */
  maxDerived?: number;
  abort: AbortSignal;
};

/** Fails with the first failure of its parts; the other parts run all the same. */
export async function tidy(options: TidyOptions): Promise<void> {
  const parts = [
    makePartitionsAhead,
    openNextSegment,
    dropOldVersions,
    dropHeld,
    dropSegments,
    mergePartitions,
    dropProducers,
    makeDays,
  ];
  const failures: unknown[] = [];
  for (const part of parts) {
    options.abort.throwIfAborted();
    await part(options).catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}

async function makePartitionsAhead({ database, nowUs, abort }: TidyOptions): Promise<void> {
  await makeBlockPartitions(database, [nowUs(), nowUs() + weekUs], {
    max: 2,
    nowUs: nowUs(),
    abort,
  });
}

async function openNextSegment({
  database,
  segmentMs,
  segmentBytes,
  log,
  abort,
}: TidyOptions): Promise<void> {
  const newest = await readNewestSegment(database, { segmentMs, segmentBytes, abort });
  if (!newest.due || !newest.used) return;
  const segment = newest.segment + 1;
  await openSegment(database, segment, { abort });
  log.info("opened a log segment", { segment });
}

/** Deletes versions that ended long ago. */
async function dropOldVersions(options: TidyOptions): Promise<void> {
  while ((await dropSuperseded(options.database, options.supersededMs, options)) > 0);
}

const dropHeld = ({ database, abort }: TidyOptions) => dropReleased(database, { abort });

async function dropSegments(options: TidyOptions): Promise<void> {
  const { database, logWindowMs, maxLogBytes, log, abort } = options;
  const segments = await readSegments(database, { logWindowMs, abort });
  let left = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { segment, compacted, old, bytes } of segments) {
    if (!compacted || !(old || left > maxLogBytes)) break;
    await retireSegment(database, segment, { abort });
    left -= bytes;
    log.info("retired a log segment", { segment, bytes });
  }
  await dropRetired(options);
}

/** Deletes producers of single requests, a limited number at a time; the next tidy deletes more. */
async function dropProducers({
  database,
  maxDerived = 1_000_000,
  abort,
}: TidyOptions): Promise<void> {
  for (let i = 0; i < maxProducerPortions; i++)
    if ((await dropIdleProducers(database, { maxDerived, limit: producerPortion, abort })) === 0)
      return;
}

/** Drops partitions of retired segments, whether this tidy or an interrupted one retired them. */
async function dropRetired({ database, log, abort }: TidyOptions): Promise<void> {
  const first = await readFirstSegment(database, { abort });
  const numberOf = ({ name }: Partition) => Number(name.slice(name.lastIndexOf("_") + 1));
  const retired = (await listPartitions(database, ["log", "receipt"])).filter(
    (item) => numberOf(item) < first,
  );
  // A pending one comes first: until it is detached, no other can be.
  const order = (item: Partition) => (item.state === "pending" ? 0 : 1);
  for (const partition of retired.sort(
    (a, b) => order(a) - order(b) || numberOf(a) - numberOf(b),
  )) {
    await dropPartition(database, partition, { abort });
    log.info("dropped a partition of the log", { partition: partition.name });
  }
}

// A portion takes some 100 ms. After this many, the next tidy continues.
const daysPortions = 20;
const seriesOfDays = 100;
const daysOfMinutes = 10;
// Each day of one machine takes some 10 ms; a step of compaction waits for a portion.
const daysOfLife = 50;
// More than a year.
const hoursOfStates = 10_000;

/**
 * Fills the tables that the views of minutes and days use for look-ups: the days in which a series
 * has samples, for series that are older than this table; the minutes of days that arrived many at
 * once; and the hours since the first state. Also fills the signs of life of older machines.
 */
async function makeDays({ database, log, abort }: TidyOptions): Promise<void> {
  const make = async (kind: MadeForViews, most: number): Promise<number> => {
    let made = 0;
    for (let i = 0, portion = most; i < daysPortions && portion === most; i++) {
      portion = await makeForViews(database, kind, { most, abort });
      made += portion;
    }
    return made;
  };
  await make("note_days_before", seriesOfDays);
  await make("note_alive_before", daysOfLife);
  await make("make_clock_hours", hoursOfStates);
  const days = await make("make_minutes", daysOfMinutes);
  if (days === 0) return;
  await analyzeMinutes(database, { abort });
  log.info("made the minutes of days for the views", { days });
}

// A merge makes readers wait for a moment, so merge only some at a time.
const mergesAtOnce = 8;

/**
 * Merges surplus partitions of an older version, which created one for each old week that had any
 * records.
 */
async function mergePartitions({ database, nowUs, log, abort }: TidyOptions): Promise<void> {
  const attached = (await listPartitions(database, ["block"])).filter(
    ({ state }) => state === "attached",
  ).length;
  if (attached <= fewPartitions) return;
  const merged = await mergeBlockPartitions(database, { max: mergesAtOnce, nowUs: nowUs(), abort });
  if (merged > 0)
    log.info("merged small partitions of the history", { partitions: attached, merges: merged });
}
