// Buckets of one series as of a revision: from hourly roll-ups and block summaries where they lie within a bucket, from samples where not.
import { type Bucket, BucketAccumulator } from "../history/buckets.ts";
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import type { Summary } from "../history/summary.ts";
import type { Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { readBlocksOfRanges, readHourRollups, readWatermark } from "../store/history.ts";
import { type Extent, joinExtents, readLogExtents, touches } from "./log-extents.ts";
import { mergeAll } from "./merge.ts";
import { seriesPieces } from "./series-pieces.ts";
import { lowerBound, sweep } from "./sweep.ts";

export type AggregateQuery = { series: Series; edgesUs: Float64Array; revision: number; signal: AbortSignal };

/** A bucket for each pair of edges. Equal to what all samples up to the revision give, sums to rounding. */
export async function aggregate(
  database: Database,
  { series, edgesUs, revision, signal }: AggregateQuery,
): Promise<readonly Bucket[]> {
  const maxGapUs = series.maxGapUs!;
  // One sample past each end may draw a line into the window.
  const range = { fromUs: edgesUs[0]! - maxGapUs, toUs: edgesUs.at(-1)! + maxGapUs + 1 };
  const watermark = await readWatermark(database, revision, { signal });
  const pending = await readLogExtents(database, { series, watermark, revision, ...range }, signal);
  const inOneBucket = ({ firstUs, lastUs }: Extent) => {
    const at = lowerBound(edgesUs, firstUs + 1);
    return at > 0 && at < edgesUs.length && lastUs < edgesUs[at]!;
  };
  const usable = (summary: Summary) => inOneBucket(summary) && !touches(pending, summary);

  const at = { seriesIds: [series.id], watermark };
  const wideBuckets = edgesUs.some((edge, i) => i > 0 && edge - edgesUs[i - 1]! >= hourUs);
  const hours = wideBuckets
    ? await readHourRollups(database, { ...at, fromUs: floorTo(range.fromUs, hourUs), toUs: range.toUs }, { signal })
    : [];
  const usableHours = hours.filter(({ summary }) => usable(summary));
  const gaps = gapsBetween(
    usableHours.map((hour) => hour.hourUs),
    { fromUs: floorTo(range.fromUs, hourUs), toUs: range.toUs },
  );
  const blocks = await readBlocksOfRanges(database, { seriesId: series.id, ranges: gaps, watermark }, { signal });
  const reached = blocks.filter(({ summary }) => summary.lastUs >= range.fromUs && summary.firstUs < range.toUs);

  const candidates = [
    ...usableHours.map(({ summary }) => summary),
    ...reached.map(({ summary }) => summary).filter(usable),
  ];
  const { summaries, raw } = separate(candidates, [
    ...pending,
    ...reached.map(({ summary }) => summary).filter((summary) => !usable(summary)),
  ]);

  const accumulator = new BucketAccumulator({ edgesUs, maxGapUs });
  const addSamples = async (fromUs: number, toUs: number) => {
    if (fromUs >= toUs || !touches(raw, { firstUs: fromUs, lastUs: toUs - 1 })) return;
    const pieces = await seriesPieces(
      { database },
      { series: [series], fromUs, toUs, revision },
      { maxSamples: Number.POSITIVE_INFINITY, withRevisions: false, signal },
    );
    for await (const { parts } of sweep(pieces, { fromUs, toUs, minSamples: 65_536 })) {
      for (const list of parts.values()) accumulator.addColumn(mergeAll(list.map(({ column }) => column)));
    }
  };
  let doneUs = range.fromUs;
  for (const summary of summaries) {
    await addSamples(doneUs, summary.firstUs);
    accumulator.addSummary(summary);
    doneUs = summary.lastUs + 1;
  }
  await addSamples(doneUs, range.toUs);
  return accumulator.finish();
}

/**
 * Summaries that stand apart from everything that must be read as samples, ascending; and the extents of the rest. One that touches samples
 * becomes samples, which may touch the next one: until nothing changes.
 */
function separate(candidates: readonly Summary[], others: readonly Extent[]): { summaries: Summary[]; raw: Extent[] } {
  let summaries = [...candidates].sort((a, b) => a.firstUs - b.firstUs);
  let raw = joinExtents([...others].sort((a, b) => a.firstUs - b.firstUs));
  for (;;) {
    const touching = summaries.filter((summary) => touches(raw, summary));
    if (touching.length === 0) return { summaries, raw };
    summaries = summaries.filter((summary) => !touching.includes(summary));
    raw = joinExtents([...raw, ...touching].sort((a, b) => a.firstUs - b.firstUs));
  }
}

/** What a range has beside some hours (ascending) in it. */
function gapsBetween(
  hoursUs: readonly number[],
  { fromUs, toUs }: { fromUs: number; toUs: number },
): { fromUs: number; toUs: number }[] {
  const gaps: { fromUs: number; toUs: number }[] = [];
  let doneUs = fromUs;
  for (const startUs of hoursUs) {
    if (startUs > doneUs) gaps.push({ fromUs: doneUs, toUs: startUs });
    doneUs = startUs + hourUs;
  }
  if (doneUs < toUs) gaps.push({ fromUs: doneUs, toUs });
  return gaps;
}
