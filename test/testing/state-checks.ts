// An accessor's answers on a machine's states and energy, compared with its raw records.
import { fail } from "node:assert";
import { expect } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import {
  EnergyAbsence,
  type MachineStateBuckets,
  type MachineSummary,
  type StateBucket,
} from "#gen/millrace/v1/summary_pb.ts";
import { toDurationUs } from "../../codec/timestamps.ts";
import type { HeldStates } from "./local-states.ts";
import type { SentMachine } from "./odd-machines.ts";

const wattsPer: Readonly<Record<string, number>> = { "": 1, W: 1, kW: 1_000, mW: 0.001 };

/** How many watts one unit of power is; undefined: the signal is not a power. */
export const wattsOf = ({ power, unit }: SentMachine) =>
  power.sampleType === SampleType.COUNTER ? undefined : wattsPer[unit];

/** The size of an energy, for `near`: values of power are at most a thousand of their unit. */
export const kwhSize = (watts = 0, coveredUs = 0) => (1_000 * watts * coveredUs) / 1e6 / 3.6e6;

/** Fails unless both are absent, or differ by at most 1e-9 of the size. */
export function near(
  what: string,
  actual: number | undefined,
  expected: number | undefined,
  size: number,
): void {
  if (actual === undefined || expected === undefined) expect(actual, what).toBe(expected);
  else if (!(Math.abs(actual - expected) <= 1e-9 * size))
    fail(`${what} is ${actual}, not ${expected}`);
}

export function checkDeclared(
  {
    energyAbsence,
    silenceTolerance,
  }: Pick<MachineStateBuckets, "energyAbsence" | "silenceTolerance">,
  { name, toleranceUs, power, unit }: SentMachine,
): void {
  const { UNSPECIFIED, COUNTER, UNIT } = EnergyAbsence;
  const isCounter = power.sampleType === SampleType.COUNTER;
  expect(energyAbsence, name).toBe(isCounter ? COUNTER : unit === "VA" ? UNIT : UNSPECIFIED);
  expect(toDurationUs(silenceTolerance!), name).toBe(toleranceUs);
}

export function checkStates(
  { states, transitions, availability }: StateBucket | MachineSummary,
  own: HeldStates,
  { sent, where }: { sent: SentMachine; where: string },
): void {
  const us = states.map(({ state, time, silentTime }) => [
    state,
    toDurationUs(time!),
    toDurationUs(silentTime!),
  ]);
  const rows = own.timeUs.map((timeUs, state) => [state, timeUs, own.silentUs[state]]);
  expect(us, `${where}: state, time, silent time`).toEqual(
    rows.filter(([, timeUs]) => timeUs! > 0),
  );
  expect(Number(transitions), `${where}: transitions`).toBe(own.transitions);
  const [, active = 0, idle = 0, fault = 0] = own.timeUs;
  const known = active + idle + fault;
  near(
    `${where}: availability`,
    availability,
    known === 0 ? undefined : (active + idle) / known,
    1,
  );
  const watts = wattsOf(sent);
  for (const { state, energyKwh, energyCoverage } of states) {
    const coveredUs = watts === undefined ? 0 : own.coveredUs[state]!;
    near(`${where}: coverage of ${state}`, energyCoverage, coveredUs / own.timeUs[state]!, 1);
    const kwh = watts === undefined ? 0 : (own.area[state]! * watts) / 3.6e6;
    near(`${where}: energy of ${state}`, energyKwh, kwh, kwhSize(watts, coveredUs));
  }
}
