// Reads a machine's state changes as the intervals that they make, as of a revision. Of changes at
// one time only the last one counts; it is called effective.
import type { StateChange } from "../history/state-intervals.ts";
import type { Database } from "./database.ts";

export type StateRun = StateChange & { reason: string };

type Of = { machineId: number; revision: number };

// For a row s. Uses an index, so only rows that are looked at cost anything.
const effective = (
  revision: string,
) => `not exists (select from state_change t where t.machine_id = s.machine_id and t.time_us = s.time_us and t.revision <= ${revision}
  and (t.revision, t.position) > (s.revision, s.position))`;

/** The first change of the interval that a machine is in at a time. */
const runAt = (
  columns: string,
  { machine, revision, at }: { machine: string; revision: string; at: string },
) => `
  with held as (
    select state from state_change where machine_id = ${machine} and revision <= ${revision} and time_us <= ${at}
    order by time_us desc, revision desc, position desc limit 1),
  other as (
    select s.time_us from state_change s, held
    where s.machine_id = ${machine} and s.revision <= ${revision} and s.time_us <= ${at} and s.state <> held.state and ${effective(revision)}
    order by s.time_us desc, s.revision desc, s.position desc limit 1)
  select ${columns} from state_change s
  where s.machine_id = ${machine} and s.revision <= ${revision} and s.time_us <= ${at}
    and s.time_us > coalesce((select time_us from other), ${Number.MIN_SAFE_INTEGER}) and ${effective(revision)}
  order by s.time_us, s.revision, s.position limit 1`;

/** When a machine first enters another state, from a time on. */
const nextState = (parts: { machine: string; revision: string; from: string; state: string }) => `
  select s.time_us from state_change s
  where s.machine_id = ${parts.machine} and s.revision <= ${parts.revision} and s.time_us >= ${parts.from} and s.state <> ${parts.state}
    and ${effective(parts.revision)}
  order by s.time_us, s.revision, s.position limit 1`;

const stateBefore = ({
  machine,
  revision,
  at,
}: {
  machine: string;
  revision: string;
  at: string;
}) => `
  select state from state_change where machine_id = ${machine} and revision <= ${revision} and time_us < ${at}
  order by time_us desc, revision desc, position desc limit 1`;

/**
 * What answers about a window depend on besides the changes in it, as text: for totals of time the
 * state at its start; for whole intervals, the interval at its start and the end of the one at its
 * end.
 */
export const beyondWindow = (names: {
  machine: string;
  revision: string;
  from: string;
  to: string;
  wholeIntervals: string;
}) => {
  const { machine, revision, from, to, wholeIntervals } = names;
  const last = `(${stateBefore({ machine, revision, at: to })})`;
  return `case when ${wholeIntervals}
    then concat_ws(' ', (${nextState({ machine, revision, from: to, state: last })}), '<',
      (${runAt("concat_ws(' ', s.time_us, s.state, s.reason)", { machine, revision, at: from })}))
    else (${stateBefore({ machine, revision, at: from })})::text end`;
};

/**
 * The interval that a machine is in at a time: its first change and its state. Undefined before the
 * machine's first change.
 */
export async function readStateAt(
  database: Database,
  { machineId, revision, atUs }: Of & { atUs: number },
): Promise<StateRun | undefined> {
  const rows = await database.read(
    runAt("s.time_us, s.state, s.reason", {
      machine: "$1::int4",
      revision: "$2::int8",
      at: "$3::int8",
    }),
    [machineId, revision, atUs],
    { name: "state_at" },
  );
  return rows.map(toRun)[0];
}

/** Effective changes after one time and before another, ascending. */
export async function readStateRuns(
  database: Database,
  {
    machineId,
    revision,
    afterUs,
    toUs,
    limit,
  }: Of & { afterUs: number; toUs: number; limit: number },
): Promise<StateRun[]> {
  const rows = await database.read(
    `select s.time_us, s.state, s.reason from state_change s
     where s.machine_id = $1::int4 and s.revision <= $2::int8 and s.time_us > $3::int8 and s.time_us < $4::int8 and ${effective("$2::int8")}
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
    nextState({ machine: "$1::int4", revision: "$2::int8", from: "$3::int8", state: "$4::int4" }),
    [machineId, revision, fromUs, state],
    { name: "next_state" },
  );
  return (row as [number] | undefined)?.[0];
}

function toRun(row: unknown[]): StateRun {
  const [timeUs, state, reason] = row as [number, number, string];
  return { timeUs, state, reason };
}
