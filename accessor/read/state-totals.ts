// A machine's time and energy by state in a window, as of a revision: hours that are rolled up, and
// what lies between them from changes and samples.
import { BucketAccumulator } from "../history/buckets.ts";
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import type { Window } from "../history/line-area.ts";
import { machineStates, type WindowInterval, windowIntervals } from "../history/state-intervals.ts";
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
import { readStates, readStatesOfWindows } from "./states.ts";

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
  const gaps: Window[] = [];
  for (const { startUs, totals: hour } of hours) {
    if (touches(pending, { firstUs: startUs, lastUs: startUs + hourUs - 1 })) continue;
    if (doneUs < startUs) gaps.push({ fromUs: doneUs, toUs: startUs });
    totals = addStateTotals(totals, hour);
    doneUs = startUs + hourUs;
  }
  if (doneUs < toUs) gaps.push({ fromUs: doneUs, toUs });
  for (let at = 0; at < gaps.length; at += gapsAtOnce)
    for (const gap of await readGapTotals(database, query, gaps.slice(at, at + gapsAtOnce)))
      totals = addStateTotals(totals, gap);
  return totals;
}

/**
 * A machine that runs in one shift has two for each day; each alone would take half a dozen
 * statements.
 */
const gapsAtOnce = 256;

/**
 * Totals of windows that do not touch, ascending: what lies between them is a slot like them, which
 * nobody asked for.
 */
async function readGapTotals(
  database: Database,
  query: StateTotalsQuery,
  gaps: readonly Window[],
): Promise<StateTotals[]> {
  const { machineId, revision } = query;
  const states = await readStatesOfWindows(database, { machineId, windows: gaps, revision });
  const intervals: WindowInterval[] = [];
  for (const [i, gap] of gaps.entries()) {
    for (const interval of windowIntervals(states[i]!.changes, { ...gap, carriedIn: states[i]!.carriedIn }))
      intervals.push(interval);
    const next = gaps[i + 1];
    if (next !== undefined)
      intervals.push({ startUs: gap.toUs, endUs: next.fromUs, state: machineStates.unknown, transition: false });
  }
  const slotEdgesUs = Float64Array.from(gaps.flatMap(({ fromUs, toUs }) => [fromUs, toUs]));
  const slots = await totalsOfSlots(database, query, { slotEdgesUs, intervals });
  return slots.filter((_, slot) => slot % 2 === 0);
}

/**
 * What of the window the log's newest part changes: power and a line's reach around it, states and
 * as far as they govern.
 */
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

/** Totals of slots that touch, as of a revision, from state changes and the sums between them. */
export async function readSlotTotals(
  database: Database,
  { machineId, power, ...of }: Pick<StateTotalsQuery, "machineId" | "power" | "revision" | "watermark" | "signal">,
  slotEdgesUs: Float64Array,
): Promise<StateTotals[]> {
  const window = { fromUs: slotEdgesUs[0]!, toUs: slotEdgesUs.at(-1)! };
  const { carriedIn, changes } = await readStates(database, { machineId, ...window, revision: of.revision });
  const intervals = windowIntervals(changes, { ...window, carriedIn });
  return totalsOfSlots(database, { power, ...of }, { slotEdgesUs, intervals });
}

async function totalsOfSlots(
  database: Database,
  { power, revision, watermark, signal }: Pick<StateTotalsQuery, "power" | "revision" | "watermark" | "signal">,
  { slotEdgesUs, intervals }: { slotEdgesUs: Float64Array; intervals: readonly WindowInterval[] },
): Promise<StateTotals[]> {
  const edgesUs = stateEdges(slotEdgesUs, intervals);
  const buckets =
    power === undefined
      ? new BucketAccumulator({ edgesUs, maxGapUs: 0 }).finish()
      : await aggregate(database, { series: power, edgesUs, revision, watermark, signal });
  return toStateTotals(buckets, { slotEdgesUs, intervals });
}
