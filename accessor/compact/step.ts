// One step of compaction: what was committed after the watermark goes into blocks, hours that are over are rolled up, the watermark moves; all in
// one transaction, so a step that is stopped anywhere has not happened.
import { setImmediate as nextTurn } from "node:timers/promises";
import { failpoint } from "../../runtime/failpoint.ts";
import type { Catalog } from "../store/catalog.ts";
import { commitStep } from "../store/compact.ts";
import type { Database } from "../store/database.ts";
import { readBuckets, readWatermark } from "../store/history.ts";
import { dueHours, touchedHours, touchedStateHours } from "./due.ts";
import { type Arrivals, type GatherLimits, gather } from "./gather.ts";
import { makePartitions } from "./partitions.ts";
import { type BucketChange, type NewBlock, planBucket, rewrite } from "./rewrite.ts";
import { rollUpSeries, rollUpStates } from "./rollups.ts";

export type StepOptions = GatherLimits & {
  database: Database;
  catalog: Catalog;
  /** The database's clock. */
  nowUs: () => number;
  /** How long after its end an hour is rolled up: time for what comes late. */
  settleUs: number;
  maxRollups: number;
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

// Buckets whose old blocks are loaded at once: some 2 MB of samples.
const bucketsAtOnce = 32;

/** Undefined if there was nothing to do. */
export async function compactStep(options: StepOptions): Promise<StepResult | undefined> {
  const { database, catalog, signal, maxRollups, settleUs } = options;
  const from = await readWatermark(database, Number.MAX_SAFE_INTEGER, { signal });
  const gathered = await gather(database, from, options);
  if (gathered === undefined) return undefined;
  const { through, arrivals, stateArrivals, unreadable } = gathered;
  failpoint("compact.gathered");
  await makePartitions(
    database,
    arrivals.map(({ bucketUs }) => bucketUs),
  );

  const changes = await plan(database, arrivals, from);
  const blocks: NewBlock[] = [];
  for (let start = 0; start < changes.length; start += bucketsAtOnce) {
    for await (const rewritten of rewrite(database, changes.slice(start, start + bucketsAtOnce))) {
      blocks.push(...rewritten);
      // Encoding a minute takes 0.1 ms: others get their turn in between.
      await nextTurn();
      signal.throwIfAborted();
    }
  }

  const nowUs = options.nowUs();
  const touched = touchedHours(arrivals);
  const touchedStates = await touchedStateHours(database, { arrivals, stateArrivals, nowUs });
  // An hour that nothing here touches is the same before this step and after it: rolled up as of before, valid after.
  const context = { database, catalog, watermark: from, signal };
  const endedBeforeUs = nowUs - settleUs;
  const rollups = [];
  for (const hour of await dueHours(database, "series", { endedBeforeUs, limit: maxRollups, touched })) {
    rollups.push(await rollUpSeries(hour, context));
  }
  const stateRollups = [];
  for (const hour of await dueHours(database, "machine", {
    endedBeforeUs,
    limit: Math.ceil(maxRollups / 10),
    touched: touchedStates,
  })) {
    stateRollups.push(...(await rollUpStates(hour, context)));
    await nextTurn();
  }

  const ended = changes.flatMap((change) => change.ended);
  failpoint("compact.before-commit");
  await commitStep(database, {
    from,
    through,
    blocks,
    ended,
    touched,
    rollups,
    touchedStates,
    stateRollups,
    unreadable,
  });
  failpoint("compact.after-commit");
  return {
    from,
    through,
    more: gathered.more,
    samples: gathered.sampleCount,
    blocks: blocks.length,
    rewrittenBlocks: ended.length,
    rollups: rollups.length + stateRollups.length / 61,
    unreadable: unreadable.length,
  };
}

/** What each bucket's arrivals do to its blocks. */
async function plan(database: Database, arrivals: readonly Arrivals[], watermark: number): Promise<BucketChange[]> {
  const buckets = arrivals.map(({ series, bucketUs }) => ({ seriesId: series.id, bucketUs }));
  const headers = await readBuckets(database, buckets, { watermark });
  const byBucket = Map.groupBy(headers, ({ seriesId, bucketUs }) => `${seriesId}:${bucketUs}`);
  return arrivals.map((arrival) => planBucket(arrival, byBucket.get(`${arrival.series.id}:${arrival.bucketUs}`) ?? []));
}
