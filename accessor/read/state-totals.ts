// A machine's time and energy by state in a window or its slots, as of a revision: from roll-ups
// for whole hours, and from changes and samples between them.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { lowerBound } from "../../codec/lower-bound.ts";
import { BucketAccumulator } from "../history/buckets.ts";
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import { type Extent, joinExtents, touches } from "../history/extents.ts";
import type { Between, Window } from "../history/line-area.ts";
import { machineStates, type WindowInterval, windowIntervals } from "../history/state-intervals.ts";
import {
  addStateTotals,
  emptyStateTotals,
  type StateTotals,
  stateEdges,
  toStateTotals,
} from "../history/state-totals.ts";
import type { Database } from "../store/database.ts";
import { readStateRollups } from "../store/hour-rollups.ts";
import { readGovernedExtents, readLogExtents } from "../store/log-extents.ts";
import type { Series } from "../store/series.ts";
import { readStates, readStatesOfWindows } from "../store/states.ts";
import { aggregate } from "./aggregate.ts";

export type StateTotalsQuery = {
  machineId: number;
  /** Power of the machine, if it has sent any. */
  states: Series | undefined;
  power: Series | undefined;
  fromUs: number;
  toUs: number;
  revision: number;
  /** The watermark of the revision: readWatermark. */
  watermark: number;
  abort: AbortSignal;
};

export async function readStateTotals(
  database: Database,
  query: StateTotalsQuery,
): Promise<StateTotals> {
  const [totals] = await readStateSlots(database, query, Float64Array.of(query.fromUs, query.toUs));
  return totals!;
}

/** Totals of adjacent slots that fill the window. */
export async function readStateSlots(
  database: Database,
  query: StateTotalsQuery,
  edgesUs: Float64Array,
): Promise<StateTotals[]> {
  const { machineId, power, fromUs, toUs, watermark, abort } = query;
  const pending = await readPending(database, query);
  const whole = { fromUs: Math.ceil(fromUs / hourUs) * hourUs, toUs: floorTo(toUs, hourUs) };
  const range = { machineId, staleThrough: power?.staleThrough ?? -1, ...whole, watermark };
  const wide = edgesUs.some((edgeUs, i) => i > 0 && edgeUs - edgesUs[i - 1]! >= hourUs);
  const hours =
    wide && range.fromUs < range.toUs ? await readStateRollups(database, range, { abort }) : [];
  const slots = new Array<StateTotals>(edgesUs.length - 1).fill(emptyStateTotals);
  const add = (slot: number, totals: StateTotals) => {
    slots[slot] = addStateTotals(slots[slot]!, totals);
  };
  let [slot, doneUs] = [0, fromUs];
  const gaps: Window[] = [];
  for (const { startUs, totals: hour } of hours) {
    while (edgesUs[slot + 1]! <= startUs) slot++;
    if (startUs + hourUs > edgesUs[slot + 1]!) continue;
    if (touches(pending, { firstUs: startUs, lastUs: startUs + hourUs - 1 })) continue;
    if (doneUs < startUs) gaps.push({ fromUs: doneUs, toUs: startUs });
    add(slot, hour);
    doneUs = startUs + hourUs;
  }
  if (doneUs < toUs) gaps.push({ fromUs: doneUs, toUs });
  for (let at = 0; at < gaps.length; at += gapsAtOnce) {
    const some = gaps.slice(at, at + gapsAtOnce);
    for (const gap of await readGapTotals(database, query, { gaps: some, edgesUs }))
      add(gap.slot, gap.totals);
  }
  return slots;
}

/**
 * A machine that runs in one shift has two a day; each alone would take half a dozen statements.
 */
const gapsAtOnce = 256;

/**
 * Totals of windows that do not touch, ascending, each cut at the edges in it. The gaps between
 * them are slots too, whose totals are discarded.
 */
async function readGapTotals(
  database: Database,
  query: StateTotalsQuery,
  { gaps, edgesUs }: { gaps: readonly Window[]; edgesUs: Float64Array },
): Promise<{ slot: number; totals: StateTotals }[]> {
  const { machineId, revision } = query;
  const states = await readStatesOfWindows(database, { machineId, windows: gaps, revision });
  const intervals: WindowInterval[] = [];
  const cutsUs: number[] = [];
  /** For each cut, the slot that it lies in; undefined for a gap. */
  const places: (number | undefined)[] = [];
  for (const [i, gap] of gaps.entries()) {
    for (const interval of windowIntervals(states[i]!.changes, {
      ...gap,
      carriedIn: states[i]!.carriedIn,
    }))
      intervals.push(interval);
    const next = gaps[i + 1];
    if (next !== undefined)
      intervals.push({
        startUs: gap.toUs,
        endUs: next.fromUs,
        state: machineStates.unknown,
        transition: false,
      });
    let slot = lowerBound(edgesUs, gap.fromUs + 1) - 1;
    for (let startUs = gap.fromUs; startUs < gap.toUs; startUs = edgesUs[++slot]!) {
      cutsUs.push(startUs);
      places.push(slot);
    }
    cutsUs.push(gap.toUs);
    places.push(undefined);
  }
  const totals = await totalsOfSlots(database, query, {
    slotEdgesUs: Float64Array.from(cutsUs),
    intervals,
  });
  return totals.flatMap((one, i) =>
    places[i] === undefined ? [] : [{ slot: places[i], totals: one }],
  );
}

/**
 * The parts of the window that the log's newest rows change: the power samples and the reach of a
 * line around them, and states for as long as they last.
 */
async function readPending(database: Database, query: StateTotalsQuery): Promise<Extent[]> {
  const { states, power, fromUs, toUs, revision, watermark, abort } = query;
  const found: Extent[] = [];
  if (power !== undefined) {
    const gapUs = power.maxGapUs!;
    const extents = await readLogExtents(
      database,
      { series: power, watermark, revision, fromUs: fromUs - gapUs, toUs: toUs + gapUs + 1 },
      abort,
    );
    for (const { firstUs, lastUs } of extents)
      found.push({ firstUs: firstUs - gapUs, lastUs: lastUs + gapUs });
  }
  if (states !== undefined) {
    const governed = await readGovernedExtents(
      database,
      { series: states, watermark, revision, toUs },
      abort,
    );
    for (const extent of governed) found.push(extent);
  }
  return joinExtents(found.sort((a, b) => a.firstUs - b.firstUs));
}

/** Totals of adjacent slots, as of a revision, from state changes and the sums between them. */
export async function readSlotTotals(
  database: Database,
  {
    machineId,
    power,
    ...of
  }: Pick<StateTotalsQuery, "machineId" | "power" | "revision" | "watermark" | "abort">,
  slotEdgesUs: Float64Array,
): Promise<StateTotals[]> {
  const window = { fromUs: slotEdgesUs[0]!, toUs: slotEdgesUs.at(-1)! };
  const { carriedIn, changes } = await readStates(database, {
    machineId,
    ...window,
    revision: of.revision,
  });
  const intervals = windowIntervals(changes, { ...window, carriedIn });
  return totalsOfSlots(database, { power, ...of }, { slotEdgesUs, intervals });
}

const noSamples: Between = { maxGapUs: 0, sampleType: SampleType.UNSPECIFIED };

async function totalsOfSlots(
  database: Database,
  {
    power,
    revision,
    watermark,
    abort,
  }: Pick<StateTotalsQuery, "power" | "revision" | "watermark" | "abort">,
  { slotEdgesUs, intervals }: { slotEdgesUs: Float64Array; intervals: readonly WindowInterval[] },
): Promise<StateTotals[]> {
  const edgesUs = stateEdges(slotEdgesUs, intervals);
  const buckets =
    power === undefined
      ? new BucketAccumulator({ edgesUs, ...noSamples }).finish()
      : await aggregate(database, { series: power, edgesUs, revision, watermark, abort });
  return toStateTotals(buckets, { slotEdgesUs, intervals });
}
