// Peak demand: the highest mean power of any interval of a window, such as a quarter hour.
import { toTimestamp } from "../../samples/timestamps.ts";
import type { Window } from "../history/line-area.ts";
import type { Database } from "../store/database.ts";
import { type AggregateQuery, aggregate } from "./aggregate.ts";

/** The whole intervals of a window: multiples of their length since 1970. */
export function intervalsOf({ fromUs, toUs }: Window, intervalUs: number): { firstUs: number; count: number } {
  const firstUs = Math.ceil(fromUs / intervalUs) * intervalUs;
  return { firstUs, count: Math.max(0, Math.floor((toUs - firstUs) / intervalUs)) };
}

/** Nothing if there is no whole interval, or none that samples cover. */
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
  const covered = (await aggregate(database, { ...of, edgesUs })).filter(({ coveredUs }) => coveredUs > 0);
  const [peak] = covered.sort((a, b) => b.integral - a.integral || a.startUs - b.startUs);
  if (peak === undefined) return {};
  return {
    peakDemandW: (peak.integral * 1e6 * watts) / intervalUs,
    peakDemandTime: toTimestamp(peak.startUs),
    peakDemandCoverage: peak.coverage,
  };
}
