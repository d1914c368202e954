// Rolls hours up from what the history holds at a watermark: a series' summary, a machine's time and energy by state.

import { BucketAccumulator } from "../history/buckets.ts";
import { hourUs, minuteUs } from "../history/buckets-of-time.ts";
import { windowIntervals } from "../history/state-intervals.ts";
import {
  addStateTotals,
  emptyStateTotals,
  type StateTotals,
  stateEdges,
  toStateTotals,
} from "../history/state-totals.ts";
import { emptySummary, joinSummaries, type Summary } from "../history/summary.ts";
import { mergeAll } from "../read/merge.ts";
import { seriesPieces } from "../read/series-pieces.ts";
import { readStates } from "../read/states.ts";
import { sweep } from "../read/sweep.ts";
import type { Catalog, Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { readBlockHeaders } from "../store/history.ts";
import { type Hour, powerSignal } from "./due.ts";

export type SeriesRollup = {
  series: Series;
  hourUs: number /** undefined: the hour holds nothing. */;
  summary: Summary | undefined;
};
export type StateRollup = { machineId: number; startUs: number; widthUs: number; totals: StateTotals };

export type RollupContext = { database: Database; catalog: Catalog; watermark: number; signal: AbortSignal };

/** The summary of an hour: its blocks' joined. */
export async function rollUpSeries(
  { id, hourUs: fromUs }: Hour,
  { database, catalog, watermark, signal }: RollupContext,
): Promise<SeriesRollup> {
  const series = await catalog.get(id);
  const range = { seriesIds: [id], fromUs, toUs: fromUs + hourUs, watermark };
  // 60 minutes of at least 2,048 samples a block are less than this at 5 kHz.
  const headers = await readBlockHeaders(database, range, { limit: 10_000, signal });
  const summary = headers.reduce(
    (sum, header) => joinSummaries(sum, header.summary, { maxGapUs: series.maxGapUs! }),
    emptySummary,
  );
  return { series, hourUs: fromUs, summary: summary.count === 0 ? undefined : summary };
}

/** Time and energy by state of each minute of an hour, and of the hour. */
export async function rollUpStates(
  { id, hourUs: fromUs }: Hour,
  { database, catalog, watermark, signal }: RollupContext,
): Promise<StateRollup[]> {
  const toUs = fromUs + hourUs;
  const slots = Float64Array.from({ length: 61 }, (_, i) => fromUs + i * minuteUs);
  const { carriedIn, changes } = await readStates(database, { machineId: id, fromUs, toUs, revision: watermark });
  const intervals = windowIntervals(changes, { fromUs, toUs, carriedIn });
  const [power] = (await catalog.select({ machines: [], signals: [powerSignal] })).filter(
    ({ machineId }) => machineId === id,
  );
  const maxGapUs = power?.maxGapUs ?? 0;
  const accumulator = new BucketAccumulator({ edgesUs: stateEdges(slots, intervals), maxGapUs });
  if (power !== undefined) {
    const range = { fromUs: fromUs - maxGapUs, toUs: toUs + maxGapUs + 1 };
    const sources = await seriesPieces(
      { database },
      { series: [power], ...range, revision: watermark },
      { maxSamples: Number.POSITIVE_INFINITY, withRevisions: false, signal },
    );
    for await (const { parts } of sweep(sources, { ...range, minSamples: 65_536 })) {
      for (const pieces of parts.values()) accumulator.addColumn(mergeAll(pieces.map(({ column }) => column)));
    }
  }
  const minutes = toStateTotals(accumulator.finish(), { slotEdgesUs: slots, intervals });
  const rollups = minutes.map((totals, i) => ({ machineId: id, startUs: slots[i]!, widthUs: minuteUs, totals }));
  return [
    ...rollups,
    { machineId: id, startUs: fromUs, widthUs: hourUs, totals: minutes.reduce(addStateTotals, emptyStateTotals) },
  ];
}
