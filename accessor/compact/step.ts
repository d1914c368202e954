// One step of compaction: what was committed after the watermark goes into blocks, hours that are over are rolled up, the watermark moves; all in
// one transaction, so a step that is stopped anywhere has not happened.
import { setImmediate as nextTurn } from "node:timers/promises";
import { failpoint } from "../../runtime/failpoint.ts";
import type { Epochs } from "../epochs.ts";
import { oldestKeptUs, type Retention } from "../retention.ts";
import type { Catalog } from "../store/catalog.ts";
import { commitStep } from "../store/compact.ts";
import type { Database } from "../store/database.ts";
import { readBuckets } from "../store/history.ts";
import { makeBlockPartitions } from "../store/partitions.ts";
import { readWatermark } from "../store/watermark.ts";
import { dueHours, type Hour, powerSignal, touchedHours, touchedStateHours } from "./due.ts";
import { type Arrivals, type Gathered, type GatherLimits, gather } from "./gather.ts";
import { type BucketChange, planBucket, rewrite } from "./rewrite.ts";
import { rollUpSeries, rollUpStates, type SeriesRollup, type StateRollup } from "./rollups.ts";
import { Turns } from "./turns.ts";

export type StepLimits = GatherLimits & {
  /** Samples of old blocks that are written again, unless one commit alone asks for more. */
  maxRewritten: number;
  /** Hours rolled up, of series and (a tenth as many) of machines. */
  maxRollups: number;
  /** Partitions made for old data; the rest waits for the next step. */
  maxPartitions: number;
};

export type StepOptions = StepLimits & {
  database: Database;
  catalog: Catalog;
  /** A step that began in another epoch is not committed. Default: not looked at. */
  epochs?: Pick<Epochs, "current">;
  /** The database's clock. */
  nowUs: () => number;
  /** How long after its end an hour is rolled up: time for what comes late. */
  settleUs: number;
  retention: Retention;
  signal: AbortSignal;
};

export type StepResult = {
  from: number;
  through: number;
  /** Whether there is another step's worth already. */
  more: boolean;
  samples: number;
  blocks: number;
  rewrittenBlocks: number;
  rollups: number;
  unreadable: number;
};

type Work = { gathered: Gathered; changes: BucketChange[] };

/** Undefined if nothing was committed since the last one: then no hour is rolled up either (docs/decisions/0013). */
export async function compactStep(options: StepOptions): Promise<StepResult | undefined> {
  const { database, signal } = options;
  const epoch = options.epochs?.current;
  const from = await readWatermark(database, Number.MAX_SAFE_INTEGER, { signal });
  const work = await plan(options, from);
  if (work === undefined) return undefined;
  const { gathered, changes } = work;
  const { through, arrivals, stateArrivals, unreadable } = gathered;
  failpoint("compact.gathered");
  const result = { from, samples: gathered.samples, unreadable: unreadable.length };
  const bucketsUs = arrivals.map(({ bucketUs }) => bucketUs);
  if ((await makeBlockPartitions(database, bucketsUs, { max: options.maxPartitions, signal })) > 0)
    return {
      ...result,
      through: from,
      more: true,
      samples: 0,
      blocks: 0,
      rewrittenBlocks: 0,
      rollups: 0,
      unreadable: 0,
    };

  const touched = touchedHours(arrivals);
  const frozenBeforeUs = oldestKeptUs(options.retention, powerSignal, options.nowUs());
  const touchedStates = await touchedStateHours(database, { arrivals, stateArrivals, through, frozenBeforeUs });
  const { rollups, stateRollups } = await rollUp(options, { from, touched, touchedStates });

  failpoint("compact.before-commit");
  const { blocks, ended } = await commitStep(
    database,
    {
      epoch,
      from,
      through,
      portions: rewrite(database, changes, signal),
      touched,
      rollups,
      touchedStates,
      stateRollups,
      unreadable,
      touches: gathered.touches.list(),
    },
    { signal },
  );
  failpoint("compact.after-commit");
  return {
    ...result,
    through,
    more: gathered.more,
    blocks,
    rewrittenBlocks: ended,
    rollups: rollups.length + stateRollups.length / 61,
  };
}

/** What to take out of the log, and what that does to the blocks. Takes less where much would have to be written again. */
async function plan(options: StepOptions, from: number): Promise<Work | undefined> {
  const { database, maxRewritten, signal } = options;
  for (let { maxRows } = options; ; ) {
    const gathered = await gather(database, from, { ...options, maxRows });
    if (gathered === undefined) return undefined;
    const changes = await planBuckets(database, gathered.arrivals, { watermark: from, signal });
    const rewritten = changes.flatMap(({ ended }) => ended).reduce((sum, { summary }) => sum + summary.count, 0);
    if (rewritten <= maxRewritten || gathered.oneCommit) return { gathered, changes };
    maxRows = Math.max(1, Math.floor(Math.min(maxRows, gathered.rows) / 2));
  }
}

/** What each bucket's arrivals do to its blocks. */
async function planBuckets(
  database: Database,
  arrivals: readonly Arrivals[],
  options: { watermark: number; signal: AbortSignal },
): Promise<BucketChange[]> {
  const buckets = arrivals.map(({ series, bucketUs }) => ({ seriesId: series.id, bucketUs }));
  const headers = await readBuckets(database, buckets, options);
  const byBucket = Map.groupBy(headers, ({ seriesId, bucketUs }) => `${seriesId}:${bucketUs}`);
  const turns = new Turns();
  const changes: BucketChange[] = [];
  for (const arrival of arrivals) {
    changes.push(planBucket(arrival, byBucket.get(`${arrival.series.id}:${arrival.bucketUs}`) ?? []));
    await turns.pause();
  }
  return changes;
}

/** An hour that nothing here touches is the same before this step and after it: rolled up as of before, valid after. */
async function rollUp(
  { database, catalog, nowUs, settleUs, maxRollups, signal }: StepOptions,
  { from, touched, touchedStates }: { from: number; touched: readonly Hour[]; touchedStates: readonly Hour[] },
): Promise<{ rollups: SeriesRollup[]; stateRollups: StateRollup[] }> {
  const context = { database, watermark: from, signal };
  const endedBeforeUs = nowUs() - settleUs;
  const maxStateRollups = Math.ceil(maxRollups / 10);
  const due = { endedBeforeUs, limit: maxRollups, touched };
  const dueStates = { endedBeforeUs, limit: maxStateRollups, touched: touchedStates };
  const hours = await dueHours(database, "series", due);
  const rollups: SeriesRollup[] = [];
  for (const hour of hours) rollups.push(await rollUpSeries(hour, { ...context, catalog }));
  const stateHours = await dueHours(database, "machine", dueStates);
  const stateRollups: StateRollup[] = [];
  if (stateHours.length > 0) {
    const powers = await catalog.select({ machines: [], signals: [powerSignal] });
    const byMachine = new Map(powers.map((series) => [series.machineId, series]));
    for (const hour of stateHours) {
      const rolledUp = await rollUpStates(hour, { ...context, power: byMachine.get(hour.id) });
      for (const rollup of rolledUp) stateRollups.push(rollup);
      await nextTurn();
    }
  }
  return { rollups, stateRollups };
}
