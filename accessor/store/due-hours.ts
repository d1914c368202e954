// The statements on hours that are due for a roll-up: which ones, how many of some ranges are
// already rolled up, and how long a state change governs.
import { hourUs } from "../history/buckets-of-time.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import { commitTime } from "./log.ts";
import type { Hour, HourRange } from "./step-rows.ts";

/** State changes of a machine, from the first to the last of them. */
export type StateSpan = { machineId: number; firstUs: number; lastUs: number };

/**
 * From the first of some state changes to the change after the last, which may no longer be a
 * transition; as of a revision. untilUs: MAX_SAFE_INTEGER if no change follows.
 */
export async function readGovernedSpans(
  database: Database,
  spans: readonly StateSpan[],
  { through }: { through: number },
): Promise<{ machineId: number; firstUs: number; untilUs: number }[]> {
  const rows = (await database.read(
    `select a.machine_id, a.first_us, (select coalesce(min(time_us), ${Number.MAX_SAFE_INTEGER}) from state_change s
       where s.machine_id = a.machine_id and s.time_us > a.last_us and s.revision <= $4::int8)
     from unnest($1::int4[], $2::int8[], $3::int8[]) as a(machine_id, first_us, last_us)`,
    [
      toArray.int4(spans.map(({ machineId }) => machineId)),
      toArray.int8(spans.map(({ firstUs }) => firstUs)),
      toArray.int8(spans.map(({ lastUs }) => lastUs)),
      through,
    ],
    { name: "governed_ranges" },
  )) as [number, number, number][];
  return rows.map(([machineId, firstUs, untilUs]) => ({ machineId, firstUs, untilUs }));
}

/** How many hours in some ranges are already rolled up, counted up to limit. */
export async function countRolledUp(
  database: Database,
  ranges: readonly HourRange[],
  limit: number,
): Promise<number> {
  if (ranges.length === 0) return 0;
  const [row] = await database.read(
    `select count(*) from (
       select from unnest($1::int4[], $2::int8[], $3::int8[]) as t(machine_id, from_us, to_us)
       join rollup_state r on r.machine_id = t.machine_id and r.width_us = ${hourUs} and r.start_us >= t.from_us and r.start_us < t.to_us
       limit $4::int8) counted`,
    [
      toArray.int4(ranges.map(({ machineId }) => machineId)),
      toArray.int8(ranges.map(({ fromUs }) => fromUs)),
      toArray.int8(ranges.map(({ toUs }) => toUs)),
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

/** The machines or series that the hours belong to. */
export type Owner = keyof typeof dueTables;

export type DuePage = {
  /** Only hours that ended by then. */
  endedBeforeUs: number;
  order: "oldest" | "newest";
  /** The last hour of the page before; undefined: the first page. */
  after: Hour | undefined;
  limit: number;
};

/** A page of the hours that are due and over. */
export async function readDueHours(
  database: Database,
  whose: Owner,
  { endedBeforeUs, order, after, limit }: DuePage,
): Promise<Hour[]> {
  const [table, column] = dueTables[whose];
  const ascending = order === "oldest";
  const beyond = ascending ? ">" : "<";
  const direction = ascending ? "asc" : "desc";
  const beforeAll = ascending
    ? { hourUs: Number.MIN_SAFE_INTEGER, id: 0 }
    : { hourUs: endedBeforeUs - hourUs, id: 2 ** 31 - 1 };
  const place = after ?? beforeAll;
  const rows = (await database.read(
    `select hour_us, ${column} from ${table} where hour_us <= $1::int8 and (hour_us, ${column}) ${beyond} ($2::int8, $3::int4)
     order by hour_us ${direction}, ${column} ${direction} limit $4::int4`,
    [endedBeforeUs - hourUs, place.hourUs, place.id, limit],
    { name: `due_${whose}_${direction}` },
  )) as [number, number][];
  return rows.map(([at, id]) => ({ id, hourUs: at }));
}

/** The watermark, and whether any hour that is over is due. beganUs: by the database's clock. */
export async function lookForDueHours(
  database: Database,
  { endedBeforeUs, abort }: { endedBeforeUs: number; abort: AbortSignal },
): Promise<{ from: number; beganUs: number; due: boolean }> {
  const [row] = await database.read(
    `select w.revision, to_us(clock_timestamp()),
       exists (select from rollup_due where hour_us <= $1::int8)
         or exists (select from rollup_state_due where hour_us <= least($1::int8, ${commitTime("w.revision")} - ${hourUs}))
     from (select max(revision) as revision from watermark) w`,
    [endedBeforeUs - hourUs],
    { name: "due_ahead", abort },
  );
  const [from, beganUs, due] = row as [number, number, boolean];
  return { from, beganUs, due };
}
