// Finds state changes and error reports that are stored at given times, to tell those that come
// again.
import type { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";

type Asked = {
  machineId: number;
  timesUs: readonly number[];
  /** Nothing committed later. */
  through: number;
  abort: AbortSignal;
};

export type StoredState = [timeUs: number, state: MachineState, reason: string];
export type StoredError = [timeUs: number, severity: Severity, code: string, message: string];

/** In no order. */
export async function readStatesAt(
  database: Database,
  { machineId, timesUs, through, abort }: Asked,
): Promise<StoredState[]> {
  return (await database.lookUp(
    `select s.time_us, s.state, s.reason from unnest($2::int8[]) as wanted(time_us)
     join state_change s on s.machine_id = $1::int4 and s.time_us = wanted.time_us
     where s.revision <= $3::int8`,
    [machineId, toArray.int8([...new Set(timesUs)]), through],
    { name: "states_at", abort },
  )) as StoredState[];
}

/** In no order. */
export async function readErrorsAt(
  database: Database,
  { machineId, timesUs, through, abort }: Asked,
): Promise<StoredError[]> {
  return (await database.lookUp(
    `select e.time_us, e.severity, e.code, e.message from unnest($2::int8[]) as wanted(time_us)
     join error_report e on e.machine_id = $1::int4 and e.time_us = wanted.time_us
     where e.revision <= $3::int8`,
    [machineId, toArray.int8([...new Set(timesUs)]), through],
    { name: "errors_at", abort },
  )) as StoredError[];
}
