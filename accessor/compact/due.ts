// Hours to roll up: which ones a step's arrivals change, and which changed ones are over.
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import { toArray } from "../store/binary-arrays.ts";
import type { Database } from "../store/database.ts";
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
 * Hours of machines whose time or energy by state changes by itself: where power arrived (and the
 * neighbours that a line reaches into, as far as max_gap says, which a client declared), and where
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
 * From arrived state changes to the change after them, which may be a transition no longer: hours
 * that change there if they are known, be it as rolled up or as due. through: the step's; later
 * commits are none of its business.
 */
export async function governedHours(
  database: Database,
  stateArrivals: readonly StateArrival[],
  { through, frozenBeforeUs }: { through: number; frozenBeforeUs: number },
): Promise<HourRanges> {
  const ranges = new HourRanges({ frozenBeforeUs });
  if (stateArrivals.length === 0) return ranges;
  const rows = (await database.read(
    `select a.machine_id, a.first_us, (select coalesce(min(time_us), ${Number.MAX_SAFE_INTEGER}) from state_change s
       where s.machine_id = a.machine_id and s.time_us > a.last_us and s.revision <= $4::int8)
     from unnest($1::int4[], $2::int8[], $3::int8[]) as a(machine_id, first_us, last_us)`,
    [
      toArray.int4(stateArrivals.map(({ machineId }) => machineId)),
      toArray.int8(stateArrivals.map(({ timesUs }) => timesUs.reduce((a, b) => Math.min(a, b)))),
      toArray.int8(stateArrivals.map(({ timesUs }) => timesUs.reduce((a, b) => Math.max(a, b)))),
      through,
    ],
    { name: "governed_ranges" },
  )) as [number, number, number][];
  for (const [machineId, firstUs, untilUs] of rows) ranges.add(machineId, firstUs, untilUs);
  return ranges;
}

/** How many hours in some ranges are rolled up; no more than limit are counted. */
export async function countRolledUp(
  database: Database,
  ranges: HourRanges,
  limit: number,
): Promise<number> {
  const list = ranges.list();
  if (list.length === 0) return 0;
  const [row] = await database.read(
    `select count(*) from (
       select from unnest($1::int4[], $2::int8[], $3::int8[]) as t(machine_id, from_us, to_us)
       join rollup_state r on r.machine_id = t.machine_id and r.width_us = ${hourUs} and r.start_us >= t.from_us and r.start_us < t.to_us
       limit $4::int8) counted`,
    [
      toArray.int4(list.map(({ machineId }) => machineId)),
      toArray.int8(list.map(({ fromUs }) => fromUs)),
      toArray.int8(list.map(({ toUs }) => toUs)),
      limit,
    ],
    { name: "count_rolled_up" },
  );
  return (row as [number])[0];
}

const dueTables = {
  series: ["rollup_due", "series_id"],
  machine: ["rollup_state_due", "machine_id"],
} as const;
// Of the hours that are due, as many as are looked at to find some that a step does not touch.
const maxPages = 20;
const hoursPerPage = 1_000;

type DueOptions = { endedBeforeUs: number; limit: number; isTouched: (hour: Hour) => boolean };

/**
 * Hours that are due and over, without those that a step touches. Half of them the oldest and half
 * the newest, in turns, so that whoever has made a great many old ones due holds up nobody's
 * present.
 */
export async function dueHours(
  database: Database,
  whose: "series" | "machine",
  { limit, ...options }: DueOptions,
): Promise<Hour[]> {
  const oldest = await readDue(database, whose, {
    ...options,
    limit: Math.ceil(limit / 2),
    order: "asc",
  });
  const newest = await readDue(database, whose, {
    ...options,
    limit: limit - oldest.length,
    order: "desc",
  });
  const inTurns = oldest.flatMap((hour, i) => [hour, ...newest.slice(i, i + 1)]);
  return [...new Map([...inTurns, ...newest].map((hour) => [keyOf(hour), hour])).values()];
}

async function readDue(
  database: Database,
  whose: "series" | "machine",
  { endedBeforeUs, limit, isTouched, order }: DueOptions & { order: "asc" | "desc" },
): Promise<Hour[]> {
  const [table, column] = dueTables[whose];
  const found: Hour[] = [];
  const beyond = order === "asc" ? ">" : "<";
  let after =
    order === "asc" ? [Number.MIN_SAFE_INTEGER, 0] : [endedBeforeUs - hourUs, 2 ** 31 - 1];
  for (let page = 0; page < maxPages && found.length < limit; page++) {
    const rows = (await database.read(
      `select hour_us, ${column} from ${table} where hour_us <= $1::int8 and (hour_us, ${column}) ${beyond} ($2::int8, $3::int4)
       order by hour_us ${order}, ${column} ${order} limit $4::int4`,
      [endedBeforeUs - hourUs, after[0], after[1], hoursPerPage],
      { name: `due_${whose}_${order}` },
    )) as [number, number][];
    for (const [at, id] of rows) {
      const hour = { id, hourUs: at };
      if (found.length < limit && !isTouched(hour)) found.push(hour);
    }
    if (rows.length < hoursPerPage) break;
    after = rows.at(-1)!;
  }
  return found;
}

export function keyOf({ id, hourUs: at }: Hour): string {
  return `${id}:${at}`;
}
