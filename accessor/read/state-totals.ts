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
import { readWatermark } from "../store/history.ts";
import { readStateRollups } from "../store/state-rollups.ts";
import { type Extent, joinExtents, readLogExtents, touches } from "./log-extents.ts";
import { mergeAll } from "./merge.ts";
import { seriesPieces } from "./series-pieces.ts";
import { readStates } from "./states.ts";
import { sweep } from "./sweep.ts";

export type StateTotalsQuery = {
  machineId: number;
  /** Of the machine, if it has sent any. */
  states: Series | undefined;
  power: Series | undefined;
  fromUs: number;
  toUs: number;
  revision: number;
  signal: AbortSignal;
};

export async function readStateTotals(database: Database, query: StateTotalsQuery): Promise<StateTotals> {
  const { machineId, fromUs, toUs, revision, signal } = query;
  const watermark = await readWatermark(database, revision, { signal });
  const pending = await readPending(database, query, watermark);
  const range = { machineId, fromUs: Math.ceil(fromUs / hourUs) * hourUs, toUs: floorTo(toUs, hourUs), watermark };
  const hours = range.fromUs < range.toUs ? await readStateRollups(database, range, { signal }) : [];
  let totals = emptyStateTotals;
  let doneUs = fromUs;
  for (const { startUs, totals: hour } of hours) {
    if (touches(pending, { firstUs: startUs, lastUs: startUs + hourUs - 1 })) continue;
    if (doneUs < startUs)
      totals = addStateTotals(totals, await computeTotals(database, { ...query, fromUs: doneUs, toUs: startUs }));
    totals = addStateTotals(totals, hour);
    doneUs = startUs + hourUs;
  }
  if (doneUs < toUs) totals = addStateTotals(totals, await computeTotals(database, { ...query, fromUs: doneUs }));
  return totals;
}

/** What of the window the log's newest part changes: power and a line's reach around it, states and as far as they govern. */
async function readPending(database: Database, query: StateTotalsQuery, watermark: number): Promise<Extent[]> {
  const { machineId, states, power, fromUs, toUs, revision, signal } = query;
  const found: Extent[] = [];
  if (power !== undefined) {
    const gapUs = power.maxGapUs!;
    const extents = await readLogExtents(
      database,
      { series: power, watermark, revision, fromUs: fromUs - gapUs, toUs: toUs + gapUs },
      signal,
    );
    found.push(...extents.map(({ firstUs, lastUs }) => ({ firstUs: firstUs - gapUs, lastUs: lastUs + gapUs })));
  }
  if (states !== undefined) {
    const extents = await readLogExtents(
      database,
      { series: states, watermark, revision, fromUs: Number.NEGATIVE_INFINITY, toUs },
      signal,
    );
    for (const { firstUs, lastUs } of extents) {
      const { changes } = await readStates(database, { machineId, fromUs: lastUs + 1, toUs, revision, limit: 1 });
      found.push({ firstUs, lastUs: changes[0]?.timeUs ?? toUs });
    }
  }
  return joinExtents(found.sort((a, b) => a.firstUs - b.firstUs));
}

async function computeTotals(database: Database, query: StateTotalsQuery): Promise<StateTotals> {
  const { machineId, power, fromUs, toUs, revision, signal } = query;
  const { carriedIn, changes } = await readStates(database, { machineId, fromUs, toUs, revision });
  const intervals = windowIntervals(changes, { fromUs, toUs, carriedIn });
  const slotEdgesUs = Float64Array.of(fromUs, toUs);
  const maxGapUs = power?.maxGapUs ?? 0;
  const accumulator = new BucketAccumulator({ edgesUs: stateEdges(slotEdgesUs, intervals), maxGapUs });
  if (power !== undefined) {
    const range = { fromUs: fromUs - maxGapUs, toUs: toUs + maxGapUs + 1 };
    const sources = await seriesPieces(
      { database },
      { series: [power], ...range, revision },
      { maxSamples: Number.POSITIVE_INFINITY, withRevisions: false, signal },
    );
    for await (const { parts } of sweep(sources, { ...range, minSamples: 65_536 })) {
      for (const pieces of parts.values()) accumulator.addColumn(mergeAll(pieces.map(({ column }) => column)));
    }
  }
  return toStateTotals(accumulator.finish(), { slotEdgesUs, intervals })[0]!;
}
