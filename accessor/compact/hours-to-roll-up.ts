// Hours to roll up: which ones a step's arrivals change, and which of the changed ones are over.
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import type { Database } from "../store/database.ts";
import { type DuePage, type Owner, readDueHours, readGovernedSpans } from "../store/due-hours.ts";
import type { Hour } from "../store/step-rows.ts";
import type { Arrivals, StateArrival } from "./gather.ts";
import { HourRanges } from "./hour-ranges.ts";

/** Hours of series whose summary changes. */
export function touchedHours(arrivals: readonly Arrivals[]): Hour[] {
  const hours = new Map<string, Hour>();
  for (const { series, bucketUs } of arrivals) {
    const hour = { id: series.id, hourUs: floorTo(bucketUs, hourUs) };
    hours.set(keyOf(hour), hour);
  }
  return [...hours.values()];
}

/** The signal whose integral is energy. */
export const powerSignal = "power";

/**
 * Hours of machines whose time or energy by state changes directly: where power arrived (and the
 * neighbouring hours that a line may reach, within the max_gap that a client declared), and where
 * state changes arrived. As ranges, since they may be very many.
 */
export function touchedStateHours(
  {
    arrivals,
    stateArrivals,
  }: { arrivals: readonly Arrivals[]; stateArrivals: readonly StateArrival[] },
  { frozenBeforeUs }: { frozenBeforeUs: number },
): HourRanges {
  const ranges = new HourRanges({ frozenBeforeUs });
  for (const { series, columns } of arrivals) {
    if (series.signal !== powerSignal) continue;
    const gapUs = series.maxGapUs!;
    for (const { timesUs } of columns)
      ranges.add(series.machineId, timesUs[0]! - gapUs, timesUs.at(-1)! + gapUs);
  }
  for (const { machineId, timesUs } of stateArrivals)
    for (const timeUs of timesUs) ranges.add(machineId, timeUs, timeUs);
  return ranges;
}

/**
 * Hours from arrived state changes to the change after them, which may no longer be a transition.
 * These hours change if they are known, either as rolled up or as due. through: the step's
 * watermark; later commits do not count.
 */
export async function governedHours(
  database: Database,
  stateArrivals: readonly StateArrival[],
  { through, frozenBeforeUs }: { through: number; frozenBeforeUs: number },
): Promise<HourRanges> {
  const ranges = new HourRanges({ frozenBeforeUs });
  if (stateArrivals.length === 0) return ranges;
  const spans = stateArrivals.map(({ machineId, timesUs }) => ({
    machineId,
    firstUs: timesUs.reduce((a, b) => Math.min(a, b)),
    lastUs: timesUs.reduce((a, b) => Math.max(a, b)),
  }));
  for (const { machineId, firstUs, untilUs } of await readGovernedSpans(database, spans, {
    through,
  }))
    ranges.add(machineId, firstUs, untilUs);
  return ranges;
}

// Most pages of due hours to search for some that the step does not touch.
const maxPages = 20;
const hoursPerPage = 1_000;

type DueOptions = { endedBeforeUs: number; limit: number; isTouched: (hour: Hour) => boolean };

/**
 * Hours that are due and over, without those that a step touches. Takes half of them from the
 * oldest and half from the newest, in turns, so that a great many old due hours do not delay the
 * present ones.
 */
export async function dueHours(
  database: Database,
  whose: Owner,
  { limit, ...options }: DueOptions,
): Promise<Hour[]> {
  const oldest = await readUntouched(database, whose, {
    ...options,
    limit: Math.ceil(limit / 2),
    order: "oldest",
  });
  const newest = await readUntouched(database, whose, {
    ...options,
    limit: limit - oldest.length,
    order: "newest",
  });
  const inTurns = oldest.flatMap((hour, i) => [hour, ...newest.slice(i, i + 1)]);
  return [...new Map([...inTurns, ...newest].map((hour) => [keyOf(hour), hour])).values()];
}

async function readUntouched(
  database: Database,
  whose: Owner,
  { endedBeforeUs, limit, isTouched, order }: DueOptions & Pick<DuePage, "order">,
): Promise<Hour[]> {
  const found: Hour[] = [];
  let after: Hour | undefined;
  for (let page = 0; page < maxPages && found.length < limit; page++) {
    const options = { endedBeforeUs, order, after, limit: hoursPerPage };
    const hours = await readDueHours(database, whose, options);
    for (const hour of hours) if (found.length < limit && !isTouched(hour)) found.push(hour);
    if (hours.length < hoursPerPage) break;
    after = hours.at(-1);
  }
  return found;
}

export function keyOf({ id, hourUs: at }: Hour): string {
  return `${id}:${at}`;
}
