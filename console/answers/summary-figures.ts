// The figures of a summary as the page shows them: from the contract's message to plain numbers.
import { MachineState, type Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { EnergyAbsence, MachineSummary } from "#gen/millrace/v1/summary_pb.ts";
import { toDurationUs, toTimeUs } from "../../codec/timestamps.ts";

export type StateFigures = {
  readonly state: MachineState;
  readonly timeUs: number;
  /** Of the window, from 0 to 1. */
  readonly share: number;
  readonly silentUs: number;
  readonly energyKwh: number;
  /** From 0 to 1; 0: the energy is not known. */
  readonly energyCoverage: number;
};

export type SummaryFigures = {
  readonly fromUs: number;
  /** Where the window really ends: at the newest commit, if that is earlier. */
  readonly toUs: number;
  /** The four states, and unknown if it has time. They add up to the window. */
  readonly states: readonly StateFigures[];
  readonly silentUs: number;
  readonly transitions: number;
  readonly availability: number | undefined;
  readonly energy: EnergyFigures | EnergyAbsence;
  readonly errors: ErrorFigures;
};

export type EnergyFigures = {
  readonly kwh: number;
  readonly coverage: number;
  readonly meanW: number | undefined;
  readonly peakW: number | undefined;
  readonly peakUs: number | undefined;
};

export type ErrorFigures = {
  readonly count: number;
  readonly bySeverity: readonly (readonly [Severity, number])[];
  readonly byCode: readonly (readonly [string, number])[];
  /** Reports whose code is not listed. */
  readonly otherCodes: number;
  readonly perActiveHour: number | undefined;
  readonly meanBetweenUs: number | undefined;
};

const order: readonly MachineState[] = [
  MachineState.ACTIVE,
  MachineState.IDLE,
  MachineState.FAULT,
  MachineState.OFF,
  MachineState.UNSPECIFIED,
];

export function figuresOf(summary: MachineSummary): SummaryFigures {
  const fromUs = toTimeUs(summary.startTime)!;
  const toUs = toTimeUs(summary.endTime)!;
  const span = Math.max(0, toUs - fromUs);
  const known = new Set(summary.states.map(({ state }) => state));
  const states = summary.states
    .map(({ state, time, silentTime, energyKwh, energyCoverage }) => {
      const timeUs = time === undefined ? 0 : toDurationUs(time);
      return {
        state,
        timeUs,
        share: span === 0 ? 0 : timeUs / span,
        silentUs: silentTime === undefined ? 0 : toDurationUs(silentTime),
        energyKwh,
        energyCoverage,
      };
    })
    .filter(({ timeUs }) => timeUs > 0)
    .concat(order.slice(0, 4).flatMap((state) => (known.has(state) ? [] : [nothingIn(state)])))
    .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return {
    fromUs,
    toUs,
    states,
    silentUs: states.reduce((sum, { silentUs }) => sum + silentUs, 0),
    transitions: Number(summary.transitions),
    availability: summary.availability,
    energy: energyOf(summary),
    errors: errorsOf(summary),
  };
}

/** Listed all the same, so that the page does not jump when the state comes. */
const nothingIn = (state: MachineState): StateFigures => ({
  state,
  timeUs: 0,
  share: 0,
  silentUs: 0,
  energyKwh: 0,
  energyCoverage: 0,
});

function energyOf({ energy, energyAbsence }: MachineSummary): EnergyFigures | EnergyAbsence {
  if (energy === undefined) return energyAbsence;
  return {
    kwh: energy.energyKwh,
    coverage: energy.coverage,
    meanW: energy.meanPowerW,
    peakW: energy.peakPowerW,
    peakUs: toTimeUs(energy.peakTime),
  };
}

function errorsOf({ errors }: MachineSummary): ErrorFigures {
  const between = errors?.meanActiveTimeBetween;
  return {
    count: Number(errors?.count ?? 0n),
    bySeverity: (errors?.bySeverity ?? [])
      .map(({ severity, count }) => [severity, Number(count)] as const)
      .sort(([a], [b]) => b - a),
    byCode: (errors?.byCode ?? []).map(({ code, count }) => [code, Number(count)] as const),
    otherCodes: Number(errors?.otherCodes ?? 0n),
    perActiveHour: errors?.perActiveHour,
    meanBetweenUs: between === undefined ? undefined : toDurationUs(between),
  };
}
