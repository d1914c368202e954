// Buckets of one series as of a revision: from hourly roll-ups and block summaries that lie within
// one bucket, and from samples elsewhere.

import { type Column, sliceColumn } from "../../codec/column.ts";
import { lowerBound } from "../../codec/lower-bound.ts";
import { Turns } from "../../runtime/turns.ts";
import { type Bucket, BucketAccumulator } from "../history/buckets.ts";
import { hourUs } from "../history/buckets-of-time.ts";
import { type Extent, touches } from "../history/extents.ts";
import { betweenOf } from "../history/line-area.ts";
import type { Summary } from "../history/summary.ts";
import type { Database } from "../store/database.ts";
import { type BlockHeader, readBlocksOfRanges, readHistoryExtent } from "../store/history.ts";
import { readHourRollups } from "../store/hour-rollups.ts";
import { layoutAt } from "../store/layout.ts";
import { readLogExtents } from "../store/log-extents.ts";
import type { Series } from "../store/series.ts";
import { headerPieces } from "./block-pieces.ts";
import { blocksToOpen } from "./blocks-to-open.ts";
import { logPieces, maxLogHeaders } from "./log-pieces.ts";
import { mergePieces } from "./pieces.ts";
import { type Stretch, stretchesOf, weekOfGapsUs } from "./stretches.ts";
import { sweep } from "./sweep.ts";

export type AggregateQuery = {
  series: Series;
  edgesUs: Float64Array;
  revision: number;
  /** The watermark of the revision: readWatermark. */
  watermark: number;
  /** The most blocks of a stretch that is longer than a week. Default 20,000; for tests. */
  maxHeaders?: number;
  abort: AbortSignal;
};

type Context = AggregateQuery & {
  /** Which parts of the window depend on log rows that are not in the history yet. */
  pending: readonly Extent[];
  usable: (summary: Summary) => boolean;
  accumulator: BucketAccumulator;
};

const samplesAtOnce = 65_536;
const samplesInARow = 8_192;
const summariesInARow = 1_024;

/**
 * A bucket for each pair of edges. Equals the result from all samples up to the revision; sums are
 * equal up to rounding.
 */
export async function aggregate(
  database: Database,
  query: AggregateQuery,
): Promise<readonly Bucket[]> {
  const { series, edgesUs, revision, watermark, abort, maxHeaders = 20_000 } = query;
  const maxGapUs = series.maxGapUs!;
  // One sample beyond each end may begin or end a line that reaches into the window.
  const range = { fromUs: edgesUs[0]! - maxGapUs, toUs: edgesUs.at(-1)! + maxGapUs + 1 };
  const pending = await readLogExtents(database, { series, watermark, revision, ...range }, abort);
  const fits = ({ firstUs, lastUs }: Extent) => {
    // Of the samples outside, only the nearest to the window counts, and a summary contains it.
    if (lastUs < edgesUs[0]! || firstUs >= edgesUs.at(-1)!) return true;
    const at = lowerBound(edgesUs, firstUs + 1);
    return at > 0 && at < edgesUs.length && lastUs < edgesUs[at]!;
  };
  // If a sum overflows, it cannot tell the sum of a part: the samples can.
  const usable = (summary: Summary) =>
    Number.isFinite(summary.sum.high) &&
    Number.isFinite(summary.integral.high) &&
    fits(summary) &&
    !touches(pending, summary);
  const wideBuckets = edgesUs.some((edge, i) => i > 0 && edge - edgesUs[i - 1]! >= hourUs);
  const hours = wideBuckets
    ? await readHourRollups(database, { series, watermark, ...range }, { abort })
    : [];
  const accumulator = new BucketAccumulator({ edgesUs, ...betweenOf(series) });
  const context = { ...query, pending, usable, accumulator };
  const whole = hours.filter(({ summary }) => usable(summary));
  const reached = await reachedOf(database, { series, watermark, pending, range, abort });
  if (reached === undefined) return accumulator.finish();
  // Where a series is sparse, steps of a week would take thousands of statements for some decades:
  // the stretch grows until it contains something.
  let roomUs = weekOfGapsUs;
  for (const stretch of stretchesOf(whole, reached, () => roomUs)) {
    const max = roomUs === weekOfGapsUs ? Number.POSITIVE_INFINITY : maxHeaders;
    const headers = await readHeaders(database, stretch, { ...context, max });
    if (headers.length > max) {
      roomUs = weekOfGapsUs;
      for (const week of stretchesOf(stretch.hours, stretch))
        await addStretch(
          database,
          { ...week, headers: await readHeaders(database, week, context) },
          context,
        );
    } else {
      if (headers.length < maxHeaders / 4) roomUs *= 2;
      await addStretch(database, { ...stretch, headers }, context);
    }
  }
  return accumulator.finish();
}

const readHeaders = (
  database: Database,
  { gaps }: Stretch,
  { series, watermark, abort, max = Number.POSITIVE_INFINITY }: AggregateQuery & { max?: number },
) => readBlocksOfRanges(database, { seriesId: series.id, ranges: gaps, watermark, max }, { abort });

/** A short range is read directly: finding out first which parts of it have data takes longer. */
const longUs = 7 * 24 * hourUs;

type Reaching = {
  series: Series;
  watermark: number;
  pending: readonly Extent[];
  range: Range;
  abort: AbortSignal;
};
type Range = { fromUs: number; toUs: number };

async function reachedOf(
  database: Database,
  { series, watermark, pending, range, abort }: Reaching,
) {
  if (range.toUs - range.fromUs <= longUs) return range;
  const known = await readHistoryExtent(database, { series, watermark, ...range }, { abort });
  return clampTo(range, known === undefined ? pending : [...pending, known]);
}

/**
 * The part of a range between the first and the last of some extents, so that reading 2,000 years
 * without records does not take long.
 */
function clampTo(range: Range, extents: readonly Extent[]) {
  const fromUs = extents.reduce(
    (least, { firstUs }) => Math.min(least, firstUs),
    Number.POSITIVE_INFINITY,
  );
  const toUs = extents.reduce(
    (most, { lastUs }) => Math.max(most, lastUs + 1),
    Number.NEGATIVE_INFINITY,
  );
  const clamped = { fromUs: Math.max(range.fromUs, fromUs), toUs: Math.min(range.toUs, toUs) };
  return clamped.fromUs < clamped.toUs ? clamped : undefined;
}

/** Feeds the contents of a stretch: summaries as they are, samples elsewhere. */
async function addStretch(
  database: Database,
  stretch: Stretch & { headers: readonly BlockHeader[] },
  context: Context,
): Promise<void> {
  const { series, watermark, revision, pending, usable, accumulator, abort } = context;
  const { fromUs, toUs, headers } = stretch;
  const reached = headers.filter(
    ({ summary }) => summary.lastUs >= fromUs && summary.firstUs < toUs,
  );
  const waiting = pending.filter(({ firstUs, lastUs }) => lastUs >= fromUs && firstUs < toUs);
  const { whole, opened } = blocksToOpen(reached, {
    usable: ({ validFrom, summary }) => validFrom > series.staleThrough && usable(summary),
    others: waiting,
  });
  const summaries = [...stretch.hours, ...whole]
    .map(({ summary }) => summary)
    .sort((a, b) => a.firstUs - b.firstUs);
  let next = 0;
  const addColumn = (column: Column) => {
    let start = 0;
    // A summary shares no time with any sample that is not in it, so each sample lies before,
    // between or after summaries.
    for (; next < summaries.length; next++) {
      const end = lowerBound(column.timesUs, summaries[next]!.firstUs);
      if (end === column.timesUs.length) break;
      accumulator.addColumn(sliceColumn(column, start, end));
      accumulator.addSummary(summaries[next]!);
      start = end;
    }
    accumulator.addColumn(sliceColumn(column, start, column.timesUs.length));
  };
  const { holds } = await layoutAt(database, watermark, { abort });
  const sources = [
    headerPieces(database, opened, { series: [series], withRevisions: holds, abort }),
    ...(waiting.length === 0
      ? []
      : [
          logPieces(
            database,
            { series: [series], after: watermark, through: revision, fromUs, toUs },
            { maxHeaders: maxLogHeaders, withRevisions: holds, abort },
          ),
        ]),
  ];
  const turns = new Turns();
  for await (const { parts } of sweep(sources, {
    fromUs,
    toUs,
    minSamples: samplesAtOnce,
    budget: database.sampleBudget,
  })) {
    for (const pieces of parts.values()) {
      await turns.pause();
      const column = mergePieces(pieces);
      for (let at = 0; at < column.timesUs.length; at += samplesInARow) {
        addColumn(sliceColumn(column, at, at + samplesInARow));
        await turns.pause();
      }
    }
  }
  for (; next < summaries.length; next++) {
    if (next % summariesInARow === 0) await turns.pause();
    accumulator.addSummary(summaries[next]!);
  }
}
