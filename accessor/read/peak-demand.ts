// Peak demand: the highest mean power of any interval of a window, such as a quarter hour.
import { toTimestamp } from "../../codec/timestamps.ts";
import type { Window } from "../history/line-area.ts";
import type { Database } from "../store/database.ts";
import { type AggregateQuery, aggregate } from "./aggregate.ts";

/** The whole intervals of a window: multiples of their length, counted from 1970. */
export function intervalsOf(
  { fromUs, toUs }: Window,
  intervalUs: number,
): { firstUs: number; count: number } {
  const firstUs = Math.ceil(fromUs / intervalUs) * intervalUs;
  return { firstUs, count: Math.max(0, Math.floor((toUs - firstUs) / intervalUs)) };
}

/**
 * Demands that differ by less than this fraction of the highest are equal. Rounding errors are
 * below it, and a microsecond of a day is above it.
 */
const equalWithin = 1e-12;

/** Empty if there is no whole interval, or none with samples. */
export async function readPeakDemand(
  database: Database,
  {
    window,
    intervalUs,
    watts,
    ...of
  }: Omit<AggregateQuery, "edgesUs"> & { window: Window; intervalUs: number; watts: number },
) {
  const { firstUs, count } = intervalsOf(window, intervalUs);
  if (count === 0) return {};
  const edgesUs = Float64Array.from({ length: count + 1 }, (_, i) => firstUs + i * intervalUs);
  const demands = (await aggregate(database, { ...of, edgesUs })).flatMap(
    ({ startUs, timeWeightedMean, coverage }) =>
      timeWeightedMean === undefined
        ? []
        : [{ startUs, demand: timeWeightedMean * coverage, coverage }],
  );
  const most = demands.reduce(
    (highest, { demand }) => Math.max(highest, demand),
    Number.NEGATIVE_INFINITY,
  );
  const peak = demands.find(({ demand }) => demand >= most - Math.abs(most) * equalWithin);
  if (peak === undefined) return {};
  return {
    peakDemandW: peak.demand * watts,
    peakDemandTime: toTimestamp(peak.startUs),
    peakDemandCoverage: peak.coverage,
  };
}
