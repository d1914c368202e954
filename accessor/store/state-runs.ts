// Reads a machine's state changes as they make intervals, as of a revision. Of changes at one time only the last one counts; it is called effective.
import type { StateChange } from "../history/state-intervals.ts";
import { clamp, toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";

export type StateRun = StateChange & { reason: string };

type Of = { machineId: number; revision: number };

// Of a row s. By index, so only rows that are looked at cost anything.
const effective = `not exists (select from state_change t where t.machine_id = s.machine_id and t.time_us = s.time_us and t.revision <= $2::int8
  and (t.revision, t.position) > (s.revision, s.position))`;

/** The interval that a machine is in at a time: its first change and its state. Undefined before the machine's first change. */
export async function readStateAt(
  database: Database,
  { machineId, revision, atUs }: Of & { atUs: number },
): Promise<StateRun | undefined> {
  const rows = await database.read(
    `with held as (
       select state from state_change where machine_id = $1::int4 and revision <= $2::int8 and time_us <= $3::int8
       order by time_us desc, revision desc, position desc limit 1),
     other as (
       select s.time_us from state_change s, held
       where s.machine_id = $1::int4 and s.revision <= $2::int8 and s.time_us <= $3::int8 and s.state <> held.state and ${effective}
       order by s.time_us desc, s.revision desc, s.position desc limit 1)
     select s.time_us, s.state, s.reason from state_change s
     where s.machine_id = $1::int4 and s.revision <= $2::int8 and s.time_us <= $3::int8
       and s.time_us > coalesce((select time_us from other), ${Number.MIN_SAFE_INTEGER}) and ${effective}
     order by s.time_us, s.revision, s.position limit 1`,
    [machineId, revision, atUs],
    { name: "state_at" },
  );
  return rows.map(toRun)[0];
}

/** Effective changes after one time and before another, ascending. */
export async function readStateRuns(
  database: Database,
  { machineId, revision, afterUs, toUs, limit }: Of & { afterUs: number; toUs: number; limit: number },
): Promise<StateRun[]> {
  const rows = await database.read(
    `select s.time_us, s.state, s.reason from state_change s
     where s.machine_id = $1::int4 and s.revision <= $2::int8 and s.time_us > $3::int8 and s.time_us < $4::int8 and ${effective}
     order by s.time_us, s.revision, s.position limit $5::int4`,
    [machineId, revision, afterUs, toUs, limit],
    { name: "state_runs" },
  );
  return rows.map(toRun);
}

/** When a machine first enters another state, from a time on; undefined if it has not. */
export async function readNextState(
  database: Database,
  { machineId, revision, fromUs, state }: Of & { fromUs: number; state: number },
): Promise<number | undefined> {
  const [row] = await database.read(
    `select s.time_us from state_change s
     where s.machine_id = $1::int4 and s.revision <= $2::int8 and s.time_us >= $3::int8 and s.state <> $4::int4 and ${effective}
     order by s.time_us, s.revision, s.position limit 1`,
    [machineId, revision, fromUs, state],
    { name: "next_state" },
  );
  return (row as [number] | undefined)?.[0];
}

function toRun(row: unknown[]): StateRun {
  const [timeUs, state, reason] = row as [number, number, string];
  return { timeUs, state, reason };
}

/** What the intervals of a window hang on beside its own changes: back to sinceUs, where the machine was last in another state than at its start; on
 * to untilUs, where it leaves the state of its end. Infinite where there is no such change. */
export type StateReach = { machineId: number; sinceUs: number; untilUs: number };

export async function readStateReach(
  database: Database,
  {
    machineIds,
    revision,
    fromUs,
    toUs,
  }: { machineIds: readonly number[]; revision: number; fromUs: number; toUs: number },
  { signal }: { signal: AbortSignal },
): Promise<StateReach[]> {
  const stateWhere = (time: string) => `(
    select state from state_change where machine_id = wanted.id and revision <= $2::int8 and ${time}
    order by time_us desc, revision desc, position desc limit 1)`;
  const otherWhere = (time: string, held: string, order: "asc" | "desc") => `(
    select s.time_us from state_change s
    where s.machine_id = wanted.id and s.revision <= $2::int8 and s.${time} and s.state <> ${held} and ${effective}
    order by s.time_us ${order}, s.revision ${order}, s.position ${order} limit 1)`;
  const rows = (await database.read(
    `select id, ${otherWhere("time_us <= $3::int8", "held", "desc")}, ${otherWhere("time_us >= $4::int8", "last", "asc")} from (
       select wanted.id, ${stateWhere("time_us <= $3::int8")} as held, ${stateWhere("time_us < $4::int8")} as last
       from unnest($1::int4[]) as wanted(id)) wanted`,
    [toArray.int4(machineIds), revision, clamp(fromUs), clamp(toUs)],
    { name: "state_reach", signal },
  )) as [number, number | null, number | null][];
  return rows.map(([machineId, since, until]) => ({
    machineId,
    sinceUs: since ?? Number.NEGATIVE_INFINITY,
    untilUs: until ?? Number.POSITIVE_INFINITY,
  }));
}
