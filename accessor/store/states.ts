// A machine's state changes in a window and its state at the start, as of a revision.

import type { Window } from "../history/line-area.ts";
import { machineStates, type StateChange, toKnownState } from "../history/state-intervals.ts";
import { clamp, toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";

export type StateWindow = {
  machineId: number;
  fromUs: number;
  /** Exclusive. */
  toUs: number;
  revision: number;
  /** The most changes to read. Default: all. */
  limit?: number;
};

/**
 * changes: in order of (time, revision, position), from fromUs on. carriedIn: the last one before,
 * if any.
 */
export async function readStates(
  database: Database,
  { machineId, fromUs, toUs, revision, limit }: StateWindow,
): Promise<{ carriedIn: number | undefined; changes: StateChange[] }> {
  const rows = (await database.read(
    `select time_us, state, inside from (
       (select time_us, state, revision, position, 0 as inside from state_change
        where machine_id = $1::int4 and time_us < $2::int8 and revision <= $4::int8 order by time_us desc, revision desc, position desc limit 1)
       union all
       (select time_us, state, revision, position, 1 from state_change
        where machine_id = $1::int4 and time_us >= $2::int8 and time_us < $3::int8 and revision <= $4::int8
        order by time_us, revision, position limit $5::int8)) both_parts
     order by inside, time_us, revision, position`,
    [machineId, clamp(fromUs), clamp(toUs), revision, limit ?? null],
    { name: "states" },
  )) as [number, number, number][];
  const changes = rows
    .filter(([, , inside]) => inside === 1)
    .map(([timeUs, state]) => ({ timeUs, state }));
  return { carriedIn: rows.find(([, , inside]) => inside === 0)?.[1], changes };
}

type States = { carriedIn: number | undefined; changes: StateChange[] };

/** The same of many windows, in one statement. */
export async function readStatesOfWindows(
  database: Database,
  {
    machineId,
    windows,
    revision,
  }: { machineId: number; windows: readonly Window[]; revision: number },
): Promise<States[]> {
  const rows = (await database.read(
    `select place::int8, s.time_us, s.state, s.inside
     from unnest($2::int8[], $3::int8[]) with ordinality as w(from_us, to_us, place), lateral (
       (select time_us, state, revision, position, 0 as inside from state_change
        where machine_id = $1::int4 and time_us < w.from_us and revision <= $4::int8 order by time_us desc, revision desc, position desc limit 1)
       union all
       (select time_us, state, revision, position, 1 from state_change
        where machine_id = $1::int4 and time_us >= w.from_us and time_us < w.to_us and revision <= $4::int8)) s
     order by place, s.inside, s.time_us, s.revision, s.position`,
    [
      machineId,
      toArray.int8(windows.map(({ fromUs }) => clamp(fromUs))),
      toArray.int8(windows.map(({ toUs }) => clamp(toUs))),
      revision,
    ],
    { name: "states_of_windows" },
  )) as [number, number, number, number][];
  const found: States[] = windows.map(() => ({ carriedIn: undefined, changes: [] }));
  for (const [place, timeUs, state, inside] of rows) {
    const states = found[place - 1]!;
    if (inside === 0) states.carriedIn = state;
    else states.changes.push({ timeUs, state });
  }
  return found;
}

const placesAtOnce = 2_000;

/** The states that machines are in at some times; unknown (0) before their first change. */
export async function readStatesAt(
  database: Database,
  places: readonly { machineId: number; atUs: number }[],
  { revision, abort }: { revision: number; abort: AbortSignal },
): Promise<number[]> {
  const states: number[] = [];
  for (let start = 0; start < places.length; start += placesAtOnce) {
    const some = places.slice(start, start + placesAtOnce);
    const rows = (await database.read(
      `select (select state from state_change s
         where s.machine_id = w.machine_id and s.time_us <= w.at_us and s.revision <= $3::int8
         order by s.time_us desc, s.revision desc, s.position desc limit 1)
       from unnest($1::int4[], $2::int8[]) with ordinality as w(machine_id, at_us, place) order by place`,
      [
        toArray.int4(some.map(({ machineId }) => machineId)),
        toArray.int8(some.map(({ atUs }) => atUs)),
        revision,
      ],
      { name: "states_at", abort },
    )) as [number | null][];
    for (const [state] of rows) states.push(toKnownState(state ?? machineStates.unknown));
  }
  return states;
}
