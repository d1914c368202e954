// The order of the tiles: what needs attention first, then by name. An order that changes while one
// reads it is worse than one that is a few seconds old.
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { MachineNow } from "../live/messages.ts";
import { isSilent } from "../live/silence.ts";

const recentUs = 600e6;
const names = new Intl.Collator("en", { numeric: true });

/** 0 is the most urgent: a fault, silence, a failure in the last ten minutes, and the rest. */
export function urgencyOf(machine: MachineNow, nowUs: number): number {
  if (machine.state === MachineState.FAULT) return 0;
  // Nobody expects records of a machine that is switched off.
  if (isSilent(machine, nowUs) && machine.state !== MachineState.OFF) return 1;
  const { lastError } = machine;
  const failed =
    lastError !== undefined &&
    lastError.severity >= Severity.ERROR &&
    nowUs - lastError.timeUs < recentUs;
  return failed ? 2 : 3;
}

/** The names of the machines, most urgent first. */
export const inOrder = (machines: Iterable<MachineNow>, nowUs: number): string[] =>
  Array.from(machines, (machine) => ({ name: machine.name, rank: urgencyOf(machine, nowUs) }))
    .sort((a, b) => a.rank - b.rank || names.compare(a.name, b.name))
    .map(({ name }) => name);

/** By name, numbers by their size: mill-2 before mill-10. */
export const inNameOrder = (machines: Iterable<string>): string[] =>
  Array.from(machines).sort(names.compare);

/** What the filter by state calls a machine's state now. */
export type StateFilter = "active" | "idle" | "fault" | "off" | "silent" | "unknown";

const filterOf: Readonly<Record<MachineState, StateFilter>> = {
  [MachineState.UNSPECIFIED]: "unknown",
  [MachineState.ACTIVE]: "active",
  [MachineState.IDLE]: "idle",
  [MachineState.FAULT]: "fault",
  [MachineState.OFF]: "off",
};

export const stateFilterOf = (machine: MachineNow, nowUs: number): StateFilter =>
  isSilent(machine, nowUs) ? "silent" : (filterOf[machine.state] ?? "unknown");

export type Totals = {
  readonly byState: Readonly<Record<StateFilter, number>>;
  /** Of machines that are not silent. */
  readonly powerW: number;
  readonly errorsLastHour: number;
};

export function totalsOf(machines: Iterable<MachineNow>, nowUs: number): Totals {
  const byState = { active: 0, idle: 0, fault: 0, off: 0, silent: 0, unknown: 0 };
  let powerW = 0;
  let errorsLastHour = 0;
  for (const machine of machines) {
    const filter = stateFilterOf(machine, nowUs);
    byState[filter] += 1;
    errorsLastHour += machine.errorsLastHour;
    if (filter !== "silent") powerW += machine.powerW ?? 0;
  }
  return { byState, powerW, errorsLastHour };
}
