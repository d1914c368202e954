// Hours to roll up: which ones a step's arrivals change, and which changed ones are over.
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import { toArray } from "../store/binary-arrays.ts";
import type { Database } from "../store/database.ts";
import type { Arrivals, StateArrival } from "./gather.ts";

/** An hour of a series or of a machine, by id. */
export type Hour = { id: number; hourUs: number };

/** Hours of series whose summary changes. */
export function touchedHours(arrivals: readonly Arrivals[]): Hour[] {
  return unique(arrivals.map(({ series, bucketUs }) => ({ id: series.id, hourUs: floorTo(bucketUs, hourUs) })));
}

/** The signal whose integral is energy. */
export const powerSignal = "power";

type Touching = {
  arrivals: readonly Arrivals[];
  stateArrivals: readonly StateArrival[];
  /** The step's: later commits are none of its business. */
  through: number;
  /** Hours that end before this stand as they are: the power that they are rolled up from is no longer kept. */
  frozenBeforeUs: number;
};

/**
 * Hours of machines whose time or energy by state changes: where power arrived (and the neighbour that a line reaches into), where state
 * changes arrived, and as far as they govern, where there is a roll-up or one is due.
 */
export async function touchedStateHours(
  database: Database,
  { arrivals, stateArrivals, through, frozenBeforeUs }: Touching,
): Promise<Hour[]> {
  const hours: Hour[] = [];
  for (const { series, columns } of arrivals) {
    if (series.signal !== powerSignal) continue;
    const firstUs = columns.reduce((least, { timesUs }) => Math.min(least, timesUs[0]!), Number.POSITIVE_INFINITY);
    const lastUs = columns.reduce((most, { timesUs }) => Math.max(most, timesUs.at(-1)!), Number.NEGATIVE_INFINITY);
    for (let at = floorTo(firstUs - series.maxGapUs!, hourUs); at <= lastUs + series.maxGapUs!; at += hourUs)
      hours.push({ id: series.machineId, hourUs: at });
  }
  for (const { machineId, timesUs } of stateArrivals)
    for (const timeUs of timesUs) hours.push({ id: machineId, hourUs: floorTo(timeUs, hourUs) });
  for (const hour of await governedHours(database, stateArrivals, through)) hours.push(hour);
  return unique(hours).filter((hour) => hour.hourUs + hourUs > frozenBeforeUs);
}

/** Known hours between arrived state changes and the change after them, which may be a transition no longer. */
async function governedHours(
  database: Database,
  stateArrivals: readonly StateArrival[],
  through: number,
): Promise<Hour[]> {
  if (stateArrivals.length === 0) return [];
  const rows = (await database.read(
    `select distinct a.machine_id, known.hour_us
     from unnest($1::int4[], $2::int8[], $3::int8[]) as a(machine_id, first_us, last_us),
       lateral (select coalesce(min(time_us), ${Number.MAX_SAFE_INTEGER}) as until_us from state_change s
         where s.machine_id = a.machine_id and s.time_us > a.last_us and s.revision <= $4::int8) next,
       lateral (
         select r.start_us as hour_us from rollup_state r where r.machine_id = a.machine_id and r.width_us = ${hourUs}
           and r.start_us > a.first_us - ${hourUs} and r.start_us <= next.until_us
         union all
         select d.hour_us from rollup_state_due d where d.machine_id = a.machine_id
           and d.hour_us > a.first_us - ${hourUs} and d.hour_us <= next.until_us) known`,
    [
      toArray.int4(stateArrivals.map(({ machineId }) => machineId)),
      toArray.int8(stateArrivals.map(({ timesUs }) => timesUs.reduce((a, b) => Math.min(a, b)))),
      toArray.int8(stateArrivals.map(({ timesUs }) => timesUs.reduce((a, b) => Math.max(a, b)))),
      through,
    ],
    { name: "governed_hours" },
  )) as [number, number][];
  return rows.map(([id, startUs]) => ({ id, hourUs: startUs }));
}

const dueTables = { series: ["rollup_due", "series_id"], machine: ["rollup_state_due", "machine_id"] } as const;

/** Hours that are due and over, oldest first, without those that a step touches. */
export async function dueHours(
  database: Database,
  whose: "series" | "machine",
  { endedBeforeUs, limit, touched }: { endedBeforeUs: number; limit: number; touched: readonly Hour[] },
): Promise<Hour[]> {
  const [table, column] = dueTables[whose];
  const rows = (await database.read(
    `select ${column}, hour_us from ${table} where hour_us <= $1::int8 order by hour_us, ${column} limit $2::int4`,
    [endedBeforeUs - hourUs, limit + touched.length],
    { name: `due_${whose}` },
  )) as [number, number][];
  const keys = new Set(touched.map(keyOf));
  return rows
    .map(([id, at]) => ({ id, hourUs: at }))
    .filter((hour) => !keys.has(keyOf(hour)))
    .slice(0, limit);
}

function unique(hours: readonly Hour[]): Hour[] {
  return [...new Map(hours.map((hour) => [keyOf(hour), hour])).values()];
}

function keyOf({ id, hourUs: at }: Hour): string {
  return `${id}:${at}`;
}
