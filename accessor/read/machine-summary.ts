// What one machine did in a window, as of a revision: time and energy by state, energy, errors.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import type { MachineSummarySchema } from "#gen/millrace/v1/summary_pb.ts";
import { toDuration, toTimestamp } from "../../samples/timestamps.ts";
import { availability, countErrors, errorRate } from "../history/error-stats.ts";
import type { Series } from "../store/catalog.ts";
import { countErrorReports } from "../store/events.ts";
import { aggregate } from "./aggregate.ts";
import type { Reads } from "./as-of.ts";
import { readStateTotals } from "./state-totals.ts";

export type MachineSummaryQuery = {
  machine: string;
  machineId: number;
  /** Of the machine. */
  series: readonly Series[];
  fromUs: number;
  toUs: number;
  revision: number;
  /** That of the revision: readWatermark. */
  watermark: number;
  signal: AbortSignal;
};

const maxCodes = 50;
const joulesPerKwh = 3.6e6;
/** Turns -0 into 0. The sign of an empty sum depends on how much of it was rolled up. */
const toKwh = (joules: number) => joules / joulesPerKwh + 0;

export async function summarizeMachine(
  { database }: Pick<Reads, "database">,
  query: MachineSummaryQuery,
): Promise<MessageInitShape<typeof MachineSummarySchema>> {
  const { machine, machineId, series, fromUs, toUs, revision, watermark, signal } = query;
  const power = series.find(({ signal: name }) => name === "power");
  // Other units are not known to make kilowatt hours. Roll-ups keep the integral whatever the unit,
  // since it may be declared later.
  const watts = power?.unit === "W" ? power : undefined;
  const states = series.find(({ signal: name }) => name === "state");
  const totals = await readStateTotals(database, {
    machineId,
    states,
    power,
    fromUs,
    toUs,
    revision,
    watermark,
    signal,
  });
  const errors = await countErrorReports(database, { machineId, fromUs, toUs, through: revision });
  const ratio = availability(totals.timeUs);
  return {
    machine,
    startTime: toTimestamp(fromUs),
    endTime: toTimestamp(toUs),
    states: totals.timeUs.flatMap((timeUs, state) =>
      timeUs === 0
        ? []
        : [
            {
              state: state as MachineState,
              time: toDuration(timeUs),
              energyKwh: watts === undefined ? 0 : toKwh(totals.integral[state]!),
            },
          ],
    ),
    transitions: BigInt(totals.transitions),
    ...(ratio === undefined ? {} : { availability: ratio }),
    ...(watts === undefined
      ? {}
      : { energy: await summarizeEnergy({ database }, { power: watts, fromUs, toUs, revision, watermark, signal }) }),
    errors: summarizeErrors(errors, totals.timeUs),
  };
}

async function summarizeEnergy(
  { database }: Pick<Reads, "database">,
  {
    power,
    fromUs,
    toUs,
    ...of
  }: { power: Series } & Pick<MachineSummaryQuery, "fromUs" | "toUs" | "revision" | "watermark" | "signal">,
) {
  const [window] = await aggregate(database, { series: power, edgesUs: Float64Array.of(fromUs, toUs), ...of });
  const { integral, coverage, timeWeightedMean, max, maxUs } = window!;
  return {
    energyKwh: toKwh(integral),
    coverage,
    method: "trapezoid",
    maxGap: toDuration(power.maxGapUs!),
    ...(timeWeightedMean === undefined ? {} : { meanPowerW: timeWeightedMean }),
    ...(max === undefined ? {} : { peakPowerW: max, peakTime: toTimestamp(maxUs!) }),
  };
}

function summarizeErrors(
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
