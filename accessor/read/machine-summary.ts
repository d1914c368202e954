// A machine's figures for a window, as of a revision: time and energy by state, energy, errors.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type MachineState, SampleType, type Severity } from "#gen/millrace/v1/signal_pb.ts";
import {
  EnergyAbsence,
  type EnergySummarySchema,
  type MachineSummarySchema,
  type StateSummarySchema,
} from "#gen/millrace/v1/summary_pb.ts";
import { wattsPer } from "../../codec/power-unit.ts";
import { toDuration, toTimestamp } from "../../codec/timestamps.ts";
import { availability, countErrors, errorRate } from "../history/error-stats.ts";
import { toleranceUsOf } from "../history/silence.ts";
import type { StateTotals } from "../history/state-totals.ts";
import { countErrorReports } from "../store/events.ts";
import type { Series } from "../store/series.ts";
import { aggregate } from "./aggregate.ts";
import type { Reads } from "./answer-revision.ts";
import { readPeakDemand } from "./peak-demand.ts";
import type { SilentTime } from "./silences.ts";
import { readStateTotals } from "./state-totals.ts";

export type MachineSummaryQuery = {
  machine: string;
  machineId: number;
  /** All series of the machine. */
  series: readonly Series[];
  /** Silent times of the window: readSilentTimes. */
  silent: SilentTime;
  fromUs: number;
  toUs: number;
  /** Length of the intervals of peak demand; undefined: not requested. */
  demandUs?: number | undefined;
  revision: number;
  /** The watermark of the revision: readWatermark. */
  watermark: number;
  abort: AbortSignal;
};

const maxCodes = 50;
const joulesPerKwh = 3.6e6;

/** What a machine did in a window, before it is rounded and cut for a message. */
export type MeasuredMachine = {
  totals: StateTotals;
  power: Power;
  silent: SilentTime;
  /** Error reports by severity and code, all of them. */
  errors: readonly { severity: number; code: string; count: number }[];
  /** Unset if there is none: power says why. */
  energy: EnergyInit | undefined;
};

type EnergyInit = MessageInitShape<typeof EnergySummarySchema> & {
  energyKwh: number;
  coverage: number;
};

/** The window must not be empty. */
export async function measureMachine(
  { database }: Pick<Reads, "database">,
  query: MachineSummaryQuery,
): Promise<MeasuredMachine> {
  const { machineId, series, silent, fromUs, toUs, demandUs, revision, watermark, abort } = query;
  const power = powerOf(series);
  const states = series.find(({ signal: name }) => name === "state");
  const totals = await readStateTotals(database, {
    machineId,
    states,
    // Roll-ups keep the integral for every unit, since the unit may be declared later.
    power: power.series,
    fromUs,
    toUs,
    revision,
    watermark,
    abort,
  });
  const errors = await countErrorReports(database, { machineId, fromUs, toUs, through: revision });
  const own = { fromUs, toUs, demandUs, revision, watermark, abort };
  const energy =
    power.absence === undefined
      ? await summarizeEnergy({ database }, { power, ...own })
      : undefined;
  return { totals, power, silent, errors, energy };
}

export async function summarizeMachine(
  reads: Pick<Reads, "database">,
  query: MachineSummaryQuery,
): Promise<MessageInitShape<typeof MachineSummarySchema>> {
  const { machine, series, fromUs, toUs } = query;
  const [start, end] = [toTimestamp(fromUs), toTimestamp(toUs)];
  const silenceTolerance = toDuration(toleranceUsOf(series));
  if (toUs <= fromUs) {
    const energyAbsence = powerOf(series).absence ?? EnergyAbsence.NO_TIME;
    return { machine, startTime: start, endTime: end, errors: {}, energyAbsence, silenceTolerance };
  }
  const { totals, power, silent, errors, energy } = await measureMachine(reads, query);
  const ratio = availability(totals.timeUs);
  return {
    machine,
    startTime: start,
    endTime: end,
    states: totals.timeUs.flatMap((timeUs, i) =>
      timeUs === 0 ? [] : [summarizeState(totals, i, { power, silent })],
    ),
    transitions: BigInt(totals.transitions),
    ...(ratio === undefined ? {} : { availability: ratio }),
    ...(energy === undefined ? { energyAbsence: power.absence! } : { energy }),
    errors: summarizeErrors(errors, totals.timeUs),
    silenceTolerance,
  };
}

/** A machine's power in a unit that gives energy, or why there is none. */
export type Power =
  | { series: Series; watts: number; absence: undefined }
  | { series: Series | undefined; watts: undefined; absence: EnergyAbsence };

/** series: those of one machine. */
export function powerOf(all: readonly Series[]): Power {
  const series = all.find(({ signal }) => signal === "power");
  if (series === undefined) return { series, watts: undefined, absence: EnergyAbsence.NO_POWER };
  if (series.sampleType === SampleType.COUNTER)
    return { series, watts: undefined, absence: EnergyAbsence.COUNTER };
  const watts = wattsPer(series.unit);
  return watts === undefined
    ? { series, watts, absence: EnergyAbsence.UNIT }
    : { series, watts, absence: undefined };
}

/** Turns -0 into 0. The sign of an empty sum depends on how many roll-ups it includes. */
export const toKwh = (integral: number, watts: number) => (integral * watts) / joulesPerKwh + 0;

/** Time in a state, the silence in it, and its energy where that is known. */
export function summarizeState(
  { timeUs, integral, coveredUs }: StateTotals,
  state: number,
  { power: { watts }, silent }: { power: Power; silent: SilentTime },
): MessageInitShape<typeof StateSummarySchema> {
  const isKnown = watts !== undefined && coveredUs[state]! > 0;
  return {
    state: state as MachineState,
    time: toDuration(timeUs[state]!),
    energyKwh: isKnown ? toKwh(integral[state]!.high, watts) : 0,
    energyCoverage: isKnown ? coveredUs[state]! / timeUs[state]! : 0,
    silentTime: toDuration(silent[state]!),
  };
}

async function summarizeEnergy(
  { database }: Pick<Reads, "database">,
  {
    power: { series, watts },
    fromUs,
    toUs,
    demandUs,
    ...of
  }: { power: Power & { absence: undefined } } & Pick<
    MachineSummaryQuery,
    "fromUs" | "toUs" | "demandUs" | "revision" | "watermark" | "abort"
  >,
): Promise<EnergyInit> {
  const [window] = await aggregate(database, {
    series,
    edgesUs: Float64Array.of(fromUs, toUs),
    ...of,
  });
  const { integral, coverage, timeWeightedMean, max, maxUs } = window!;
  return {
    energyKwh: coverage === 0 ? 0 : toKwh(integral, watts),
    coverage,
    method: series.sampleType === SampleType.STEP ? "step" : "trapezoid",
    maxGap: toDuration(series.maxGapUs!),
    ...(timeWeightedMean === undefined ? {} : { meanPowerW: timeWeightedMean * watts }),
    ...(max === undefined ? {} : { peakPowerW: max * watts, peakTime: toTimestamp(maxUs!) }),
    ...(demandUs === undefined
      ? {}
      : await readPeakDemand(database, {
          series,
          watts,
          intervalUs: demandUs,
          window: { fromUs, toUs },
          ...of,
        })),
  };
}

export function summarizeErrors(
  counts: readonly { severity: number; code: string; count: number }[],
  timeUs: readonly number[],
) {
  const { count, bySeverity, byCode, otherCodes } = countErrors(counts, { maxCodes });
  const { perActiveHour, meanActiveUsBetween } = errorRate(count, timeUs);
  return {
    count: BigInt(count),
    bySeverity: bySeverity
      .toReversed()
      .map((item) => ({ severity: item.severity as Severity, count: BigInt(item.count) })),
    byCode: byCode.map((item) => ({ code: item.code, count: BigInt(item.count) })),
    otherCodes: BigInt(otherCodes.count),
    ...(perActiveHour === undefined ? {} : { perActiveHour }),
    ...(meanActiveUsBetween === undefined
      ? {}
      : { meanActiveTimeBetween: toDuration(Math.round(meanActiveUsBetween)) }),
  };
}
