// One step of compaction: commits after the watermark go into blocks, hours that are over are
// rolled up, and the watermark moves. All of it is one transaction, so an interrupted step has no
// effect.
import { failpoint } from "../../runtime/failpoint.ts";
import { Turns } from "../../runtime/turns.ts";
import type { Epochs } from "../domain/epochs.ts";
import { oldestKeptUs, type Retention } from "../domain/retention.ts";
import { floorTo } from "../history/buckets-of-time.ts";
import { weekUs } from "../store/block-spans.ts";
import { commitStep } from "../store/compact.ts";
import type { Database } from "../store/database.ts";
import { countRolledUp } from "../store/due-hours.ts";
import { readBuckets } from "../store/history.ts";
import { makeBlockPartitions, mergeBlockPartitions } from "../store/partitions.ts";
import { readWatermark } from "../store/watermark.ts";
import { type Arrivals, type Gathered, type GatherLimits, gather } from "./gather.ts";
import type { HourRanges } from "./hour-ranges.ts";
import { governedHours, powerSignal, touchedHours, touchedStateHours } from "./hours-to-roll-up.ts";
import { type BucketChange, planBucket, rewrite } from "./rewrite.ts";
import { type RollUpLimits, type RollUpOptions, rollUpDueHours } from "./roll-up-hours.ts";

export type StepLimits = GatherLimits &
  RollUpLimits & {
    /** Most samples of old blocks to rewrite, unless a single commit requires more. */
    maxRewritten: number;
    /** Most samples of old blocks in memory at once while they are rewritten. */
    maxAtOnce: number;
    /** Most partitions to create for old data; the rest waits for the next step. */
    maxPartitions: number;
    /** Most hours of machines whose roll-ups change, unless a single commit changes more. */
    maxTouchedHours: number;
  };

/** What a step is working on. */
export type Taken = Pick<Gathered, "first" | "rows" | "oneCommit" | "unreadable"> & {
  from: number;
  epoch: number | undefined;
  /** A held commit that is included. */
  held: number | undefined;
};

export type StepOptions = StepLimits &
  RollUpOptions & {
    /** A step that began in another epoch is not committed. Default: not checked. */
    epochs?: Pick<Epochs, "current">;
    retention: Retention;
    /** A held commit to include in this step. */
    held?: number | undefined;
    /** Called before any work on it: this is the cause if the step fails. */
    onTaken?: (taken: Taken) => void;
  };

export type StepResult = {
  from: number;
  through: number;
  /** Whether there is already work for another step. */
  more: boolean;
  /** Whether more hours may be due than were rolled up. */
  moreHours: boolean;
  samples: number;
  blocks: number;
  rewrittenBlocks: number;
  /** Hours of series and of machines that were rolled up. */
  hours: number;
  unreadable: number;
};

type Work = {
  /** Whether partitions must be created or merged before the rest can be planned. */
  waits: boolean;
  gathered: Gathered;
  changes: BucketChange[];
  touchedStates: HourRanges;
  governedStates: HourRanges;
};

/** Undefined if nothing was committed since the last step: see roll-up-while-idle.ts. */
export async function compactStep(options: StepOptions): Promise<StepResult | undefined> {
  const { database, abort } = options;
  const epoch = options.epochs?.current;
  const from = await readWatermark(database, Number.MAX_SAFE_INTEGER, { abort });
  const work = await plan(options, { from, epoch });
  if (work === undefined) return undefined;
  const { gathered, changes, touchedStates, governedStates } = work;
  const { through, arrivals, unreadable } = gathered;
  const result = { from, samples: gathered.samples, unreadable: unreadable.length };
  if (work.waits)
    return {
      ...result,
      through: from,
      more: true,
      moreHours: true,
      samples: 0,
      blocks: 0,
      rewrittenBlocks: 0,
      hours: 0,
      unreadable: 0,
    };

  const touched = touchedHours(arrivals);
  const { rollups, stateRollups, hours, moreHours } = await rollUpDueHours(options, {
    from,
    touched,
    touchedStates,
    governedStates,
  });

  // Not in the step's transaction: a change of their declarations would wait for its end.
  await options.catalog.fixBuckets(arrivals.map(({ series }) => series));
  failpoint("compact.before-commit");
  const { blocks, ended } = await commitStep(
    database,
    {
      epoch,
      from,
      through,
      portions: rewrite(database, changes, { maxAtOnce: options.maxAtOnce, abort }),
      touched,
      rollups,
      touchedStates: touchedStates.list(),
      governedStates: governedStates.list(),
      stateRollups,
      unreadable,
      touches: gathered.touches.list(),
      released: options.held,
    },
    { abort },
  );
  failpoint("compact.after-commit");
  return {
    ...result,
    through,
    more: gathered.more,
    moreHours,
    blocks,
    rewrittenBlocks: ended,
    hours,
  };
}

/**
 * Plans what to take from the log, and what changes as a result. Takes less if much would have to
 * be rewritten or rolled up again. If the first commit alone exceeds the limits, it also takes
 * commits that add hardly any work.
 */
async function plan(
  options: StepOptions,
  { from, epoch }: { from: number; epoch: number | undefined },
): Promise<Work | undefined> {
  const { database, maxRewritten, maxTouchedHours, abort } = options;
  const frozenBeforeUs = oldestKeptUs(options.retention, powerSignal, options.nowUs());
  const tried: { maxRows: number; rewritten: number }[] = [];
  let settled = false;
  for (let { maxRows } = options; ; ) {
    const gathered = await gather(database, from, { ...options, maxRows });
    if (gathered === undefined) return undefined;
    const { first, rows, oneCommit, unreadable, stateArrivals, through } = gathered;
    options.onTaken?.({ from, epoch, held: options.held, first, rows, oneCommit, unreadable });
    failpoint("compact.gathered");
    const touchedStates = touchedStateHours(gathered, { frozenBeforeUs });
    const governedStates = await governedHours(database, stateArrivals, {
      through,
      frozenBeforeUs,
    });
    const work = { waits: false, gathered, changes: [], touchedStates, governedStates };
    const isTooMuch =
      !oneCommit &&
      (touchedStates.hours > maxTouchedHours ||
        (await countRolledUp(database, governedStates.list(), maxTouchedHours + 1)) >
          maxTouchedHours);
    if (!isTooMuch) {
      if (await waitsForPartitions(options, gathered)) return { ...work, waits: true };
      const changes = await planBuckets(database, gathered.arrivals, { watermark: from, abort });
      const rewritten = changes
        .flatMap(({ ended }) => ended)
        .reduce((sum, { summary }) => sum + summary.count, 0);
      if (rewritten <= maxRewritten || settled) return { ...work, changes };
      tried.push({ maxRows, rewritten });
      if (oneCommit) {
        const most = tried.find((one) => one.rewritten <= 1.25 * rewritten)!;
        if (most.maxRows === maxRows) return { ...work, changes };
        settled = true;
        maxRows = most.maxRows;
        continue;
      }
    }
    maxRows = Math.max(1, Math.floor(Math.min(maxRows, gathered.rows) / 2));
  }
}

const mergesPerStep = 4;

/**
 * Creates and merges some of the partitions for the samples, if necessary. Returns whether the step
 * can do nothing else.
 */
async function waitsForPartitions(options: StepOptions, { arrivals }: Gathered): Promise<boolean> {
  const { database, maxPartitions, maxWeeks, abort } = options;
  const nowUs = options.nowUs();
  const bucketsUs = arrivals.map(({ bucketUs }) => bucketUs);
  const missing = await makeBlockPartitions(database, bucketsUs, {
    max: maxPartitions,
    nowUs,
    abort,
  });
  if (missing > 0) return true;
  // A transaction locks each partition that it writes to. Only a single commit can have more weeks,
  // and only with old times: those partitions can be merged.
  const weeks = new Set(bucketsUs.map((bucketUs) => floorTo(bucketUs, weekUs)));
  if (weeks.size <= maxWeeks) return false;
  return (await mergeBlockPartitions(database, { max: mergesPerStep, nowUs, abort })) > 0;
}

/** Plans how each bucket's arrivals change its blocks. */
async function planBuckets(
  database: Database,
  arrivals: readonly Arrivals[],
  options: { watermark: number; abort: AbortSignal },
): Promise<BucketChange[]> {
  const buckets = arrivals.map(({ series, bucketUs }) => ({ seriesId: series.id, bucketUs }));
  const headers = await readBuckets(database, buckets, options);
  const byBucket = Map.groupBy(headers, ({ seriesId, bucketUs }) => `${seriesId}:${bucketUs}`);
  const turns = new Turns();
  const changes: BucketChange[] = [];
  for (const arrival of arrivals) {
    changes.push(
      planBucket(arrival, byBucket.get(`${arrival.series.id}:${arrival.bucketUs}`) ?? []),
    );
    await turns.pause();
  }
  return changes;
}
