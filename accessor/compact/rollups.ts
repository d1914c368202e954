// Rolls hours up from what the history holds at a watermark: a series' summary, a machine's time
// and energy by state.
import { hourUs, minuteUs } from "../history/buckets-of-time.ts";
import { addStateTotals, emptyStateTotals, type StateTotals } from "../history/state-totals.ts";
import { emptySummary, joinSummaries, type Summary } from "../history/summary.ts";
import { readSlotTotals } from "../read/state-totals.ts";
import type { Catalog, Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { readBlocksOfRanges } from "../store/history.ts";
import type { Hour } from "./due.ts";

export type SeriesRollup = {
  series: Series;
  hourUs: number;
  /** undefined: the hour holds nothing. */
  summary: Summary | undefined;
};
export type StateRollup = { machineId: number; startUs: number; widthUs: number; totals: StateTotals };

export type RollupContext = { database: Database; watermark: number; signal: AbortSignal };

/** The summary of an hour: its blocks' joined. */
export async function rollUpSeries(
  { id, hourUs: fromUs }: Hour,
  { database, catalog, watermark, signal }: RollupContext & { catalog: Catalog },
): Promise<SeriesRollup> {
  const series = await catalog.get(id);
  const ranges = [{ fromUs, toUs: fromUs + hourUs }];
  const headers = await readBlocksOfRanges(database, { seriesId: id, ranges, watermark }, { signal });
  const summary = headers.reduce(
    (sum, header) => joinSummaries(sum, header.summary, { maxGapUs: series.maxGapUs! }),
    emptySummary,
  );
  return { series, hourUs: fromUs, summary: summary.count === 0 ? undefined : summary };
}

/**
 * Time and energy by state of each minute of an hour, and of the hour. power: the machine's, if it
 * has any.
 */
export async function rollUpStates(
  { id: machineId, hourUs: fromUs }: Hour,
  { database, power, watermark, signal }: RollupContext & { power: Series | undefined },
): Promise<StateRollup[]> {
  const slots = Float64Array.from({ length: 61 }, (_, i) => fromUs + i * minuteUs);
  const minutes = await readSlotTotals(database, { machineId, power, revision: watermark, watermark, signal }, slots);
  const rollups = minutes.map((totals, i) => ({ machineId, startUs: slots[i]!, widthUs: minuteUs, totals }));
  return [
    ...rollups,
    { machineId, startUs: fromUs, widthUs: hourUs, totals: minutes.reduce(addStateTotals, emptyStateTotals) },
  ];
}
