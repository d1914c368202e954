// A machine's time and energy by state in a window, as of a revision: hours that are rolled up, and what lies between them from changes and samples.
import { BucketAccumulator } from "../history/buckets.ts";
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import { windowIntervals } from "../history/state-intervals.ts";
import {
  addStateTotals,
  emptyStateTotals,
  type StateTotals,
  stateEdges,
  toStateTotals,
} from "../history/state-totals.ts";
import type { Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { readStateRollups } from "../store/hour-rollups.ts";
import { aggregate } from "./aggregate.ts";
import { type Extent, joinExtents, readGovernedExtents, readLogExtents, touches } from "./log-extents.ts";
import { readStates } from "./states.ts";

export type StateTotalsQuery = {
  machineId: number;
  /** Of the machine, if it has sent any. */
  states: Series | undefined;
  power: Series | undefined;
  fromUs: number;
  toUs: number;
  revision: number;
  /** That of the revision: readWatermark. */
  watermark: number;
  signal: AbortSignal;
};

export async function readStateTotals(database: Database, query: StateTotalsQuery): Promise<StateTotals> {
  const { machineId, fromUs, toUs, watermark, signal } = query;
  const pending = await readPending(database, query);
  const range = { machineId, fromUs: Math.ceil(fromUs / hourUs) * hourUs, toUs: floorTo(toUs, hourUs), watermark };
  const hours = range.fromUs < range.toUs ? await readStateRollups(database, range, { signal }) : [];
  let totals = emptyStateTotals;
  let doneUs = fromUs;
  for (const { startUs, totals: hour } of hours) {
    if (touches(pending, { firstUs: startUs, lastUs: startUs + hourUs - 1 })) continue;
    if (doneUs < startUs) totals = addStateTotals(totals, await computeTotals(database, query, [doneUs, startUs]));
    totals = addStateTotals(totals, hour);
    doneUs = startUs + hourUs;
  }
  return doneUs < toUs ? addStateTotals(totals, await computeTotals(database, query, [doneUs, toUs])) : totals;
}

/** What of the window the log's newest part changes: power and a line's reach around it, states and as far as they govern. */
async function readPending(database: Database, query: StateTotalsQuery): Promise<Extent[]> {
  const { states, power, fromUs, toUs, revision, watermark, signal } = query;
  const found: Extent[] = [];
  if (power !== undefined) {
    const gapUs = power.maxGapUs!;
    const extents = await readLogExtents(
      database,
      { series: power, watermark, revision, fromUs: fromUs - gapUs, toUs: toUs + gapUs + 1 },
      signal,
    );
    for (const { firstUs, lastUs } of extents) found.push({ firstUs: firstUs - gapUs, lastUs: lastUs + gapUs });
  }
  if (states !== undefined) {
    const governed = await readGovernedExtents(database, { series: states, watermark, revision, toUs }, signal);
    for (const extent of governed) found.push(extent);
  }
  return joinExtents(found.sort((a, b) => a.firstUs - b.firstUs));
}

async function computeTotals(
  database: Database,
  query: StateTotalsQuery,
  [fromUs, toUs]: readonly [number, number],
): Promise<StateTotals> {
  const [totals] = await readSlotTotals(database, query, Float64Array.of(fromUs, toUs));
  return totals!;
}

/** Totals of slots that touch, as of a revision, from state changes and the sums between them. */
export async function readSlotTotals(
  database: Database,
  { machineId, power, ...of }: Pick<StateTotalsQuery, "machineId" | "power" | "revision" | "watermark" | "signal">,
  slotEdgesUs: Float64Array,
): Promise<StateTotals[]> {
  const window = { fromUs: slotEdgesUs[0]!, toUs: slotEdgesUs.at(-1)! };
  const { carriedIn, changes } = await readStates(database, { machineId, ...window, revision: of.revision });
  const intervals = windowIntervals(changes, { ...window, carriedIn });
  const edgesUs = stateEdges(slotEdgesUs, intervals);
  const buckets =
    power === undefined
      ? new BucketAccumulator({ edgesUs, maxGapUs: 0 }).finish()
      : await aggregate(database, { series: power, edgesUs, ...of });
  return toStateTotals(buckets, { slotEdgesUs, intervals });
}
