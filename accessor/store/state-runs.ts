// Reads a machine's state changes from the beginning of the interval that a time lies in.
import type { StateChange } from "../history/state-intervals.ts";
import { clamp } from "../read/log-pieces.ts";
import type { Database } from "./database.ts";

export type StateRunRow = StateChange & { reason: string };

export type StateRunRange = { machineId: number; fromUs: number; toUs: number; revision: number; limit: number };

/**
 * Changes in order, as of a revision, from the first change of the interval that fromUs lies in (or the first after fromUs) up to the first one at
 * or after toUs that ends what began before it.
 */
export async function readStateRun(
  database: Database,
  { machineId, fromUs, toUs, revision, limit }: StateRunRange,
): Promise<StateRunRow[]> {
  const rows = (await database.read(
    `with mine as not materialized (
       select time_us, revision, position, state, reason from state_change where machine_id = $1::int4 and revision <= $4::int8),
     carried as (select * from mine where time_us <= $2::int8 order by time_us desc, revision desc, position desc limit 1),
     other as (select mine.time_us, mine.revision, mine.position from mine, carried
       where mine.time_us <= $2::int8 and mine.state <> carried.state
       order by mine.time_us desc, mine.revision desc, mine.position desc limit 1),
     begin as (select coalesce(
       (select min(mine.time_us) from mine, other
        where (mine.time_us, mine.revision, mine.position) > (other.time_us, other.revision, other.position)),
       (select min(time_us) from mine where exists (select from carried)), $2::int8) as start_us)
     select time_us, state, reason from mine
     where time_us >= (select start_us from begin)
       and time_us <= coalesce((select min(later.time_us) from mine later where later.time_us >= $3::int8
         and later.state <> (select mine.state from mine where mine.time_us < $3::int8
           order by mine.time_us desc, mine.revision desc, mine.position desc limit 1)), ${Number.MAX_SAFE_INTEGER})
     order by time_us, revision, position limit $5::int4`,
    [machineId, clamp(fromUs), clamp(toUs), revision, limit],
    { name: "state_run" },
  )) as [number, number, string][];
  return rows.map(([timeUs, state, reason]) => ({ timeUs, state, reason }));
}
