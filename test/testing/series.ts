// The whole of a machine's signals as they are read back: times and values in columns, states and
// errors in lists.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Batch, ErrorReport, StateChange } from "#gen/millrace/v1/signal_pb.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import type { Clients } from "./ask.ts";

/** Everything from one machine, in order of arrival. Times in microseconds. */
export interface MachineRecords {
  powerUs: number[];
  power: number[];
  states: StateChange[];
  errors: ErrorReport[];
}

/** Reads everything that is stored, by machine. */
export async function readAll(
  { signals }: Clients,
  minCursor = "",
): Promise<Map<string, MachineRecords>> {
  const all = new Map<string, MachineRecords>();
  for await (const { batches } of signals.readSignals({ minCursor })) collect(all, batches);
  return all;
}

/** Adds the records of batches. */
export function collect(all: Map<string, MachineRecords>, batches: readonly Batch[]): void {
  for (const { machine, samples, stateChanges, errorReports } of batches) {
    const own = all.get(machine) ?? { powerUs: [], power: [], states: [], errors: [] };
    all.set(machine, own);
    for (const column of samples.filter(({ signal }) => signal === "power")) {
      for (const time of timesOf(column)) own.powerUs.push(time);
      for (const value of column.values) own.power.push(value);
    }
    own.states.push(...stateChanges);
    own.errors.push(...errorReports);
  }
}

/** Microseconds of a record's time. */
export const toUs = ({ time }: { time?: Timestamp }): number =>
  Number(time!.seconds) * 1e6 + time!.nanos / 1000;

/**
 * The steps between neighbours that differ from `stepUs`, with their positions: empty means no hole
 * and no repetition.
 */
export function breaksOf(timesUs: readonly number[], stepUs = 10_000): string[] {
  return timesUs.flatMap((time, i) => {
    const step = i === 0 ? stepUs : time - timesUs[i - 1]!;
    return step === stepUs
      ? []
      : [`${step} µs before sample ${i} at ${new Date(time / 1000).toISOString()}`];
  });
}
