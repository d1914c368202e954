// Computes the roll-ups of hours from the history as of a watermark: a series' summary, a machine's
// time and energy by state.
import { setImmediate as nextTurn } from "node:timers/promises";
import { chooseBucketUs, floorTo, hourUs, minuteUs } from "../history/buckets-of-time.ts";
import { betweenOf } from "../history/line-area.ts";
import { addStateTotals, emptyStateTotals } from "../history/state-totals.ts";
import { emptySummary, joinSummaries } from "../history/summary.ts";
import { readSlotTotals } from "../read/state-totals.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { type BlockHeader, readBuckets } from "../store/history.ts";
import type { Series } from "../store/series.ts";
import type { Hour, SeriesRollup, StateRollup } from "../store/step-rows.ts";
import { keyOf } from "./hours-to-roll-up.ts";

export type RollupContext = { database: Database; watermark: number; abort: AbortSignal };

/** Buckets that one statement reads: some 70 hours of a dense series, 4,096 of a sparse one. */
const bucketsAtOnce = 4_096;

/** The summaries of hours, in their order; each joins the summaries of its blocks. */
export async function rollUpSeries(
  hours: readonly Hour[],
  { database, catalog, watermark, abort }: RollupContext & { catalog: Catalog },
): Promise<SeriesRollup[]> {
  const known = await catalog.getAll(hours.map(({ id }) => id));
  const rollups: SeriesRollup[] = [];
  for (let done = 0; done < hours.length; ) {
    const buckets: { seriesId: number; bucketUs: number }[] = [];
    const taken: { series: Series; hour: Hour }[] = [];
    for (; done < hours.length && buckets.length < bucketsAtOnce; done++) {
      const hour = hours[done]!;
      const series = known.get(hour.id)!;
      taken.push({ series, hour });
      const width = chooseBucketUs(series);
      for (let us = hour.hourUs; us < hour.hourUs + hourUs; us += width)
        buckets.push({ seriesId: hour.id, bucketUs: us });
    }
    const headers = await readBuckets(database, buckets, { watermark, abort });
    const byHour = Map.groupBy(headers, ({ seriesId: id, bucketUs }) =>
      keyOf({ id, hourUs: floorTo(bucketUs, hourUs) }),
    );
    for (const { series, hour } of taken) {
      const own = byHour.get(keyOf(hour)) ?? [];
      // Otherwise the hour stays due until the sums of its blocks are recalculated.
      if (own.every(({ validFrom }) => validFrom > series.staleThrough))
        rollups.push(joined(series, hour, own));
    }
    await nextTurn();
  }
  return rollups;
}

function joined(series: Series, hour: Hour, headers: readonly BlockHeader[]): SeriesRollup {
  const between = betweenOf(series);
  const summary = headers.reduce(
    (sum, header) => joinSummaries(sum, header.summary, between),
    emptySummary,
  );
  return { series, hourUs: hour.hourUs, summary: summary.count === 0 ? undefined : summary };
}

/**
 * Time and energy by state of each minute of an hour, and of the hour. power: the machine's, if it
 * has any.
 */
export async function rollUpStates(
  { id: machineId, hourUs: fromUs }: Hour,
  { database, power, watermark, abort }: RollupContext & { power: Series | undefined },
): Promise<StateRollup[]> {
  const slots = Float64Array.from({ length: 61 }, (_, i) => fromUs + i * minuteUs);
  const minutes = await readSlotTotals(
    database,
    { machineId, power, revision: watermark, watermark, abort },
    slots,
  );
  const rollups = minutes.map((totals, i) => ({
    machineId,
    startUs: slots[i]!,
    widthUs: minuteUs,
    totals,
  }));
  return [
    ...rollups,
    {
      machineId,
      startUs: fromUs,
      widthUs: hourUs,
      totals: minutes.reduce(addStateTotals, emptyStateTotals),
    },
  ];
}
