// All stored samples of some numeric series in a range, as of a revision: blocks of the history up
// to its watermark, the log after it.

import { layoutAt } from "../store/layout.ts";
import type { Series } from "../store/series.ts";
import { readWatermark } from "../store/watermark.ts";
import type { Reads } from "./answer-revision.ts";
import { blockPieces } from "./block-pieces.ts";
import { logPieces, maxLogHeaders } from "./log-pieces.ts";
import type { PieceSource } from "./pieces.ts";

export type SeriesRange = {
  series: readonly Series[];
  fromUs: number;
  toUs: number;
  revision: number;
};

export type PieceOptions = {
  /**
   * About how many samples will be used: fewer pieces are looked up at once for a page than for a
   * long range.
   */
  maxSamples: number;
  /** Whether the commit of each sample is wanted. */
  withRevisions: boolean;
  abort: AbortSignal;
};

/** Sources for a sweep. */
export async function seriesPieces(
  { database }: Pick<Reads, "database">,
  { series, fromUs, toUs, revision }: SeriesRange,
  { maxSamples, withRevisions, abort }: PieceOptions,
): Promise<PieceSource[]> {
  const watermark = await readWatermark(database, revision, { abort });
  const { holds } = await layoutAt(database, watermark, { abort });
  const options = { withRevisions: withRevisions || holds, abort };
  return [
    blockPieces(
      database,
      { series, fromUs, toUs, watermark },
      { ...options, maxHeaders: between(2 * series.length, maxSamples / 1_000, 2_000), maxSamples },
    ),
    logPieces(
      database,
      { series, after: watermark, through: revision, fromUs, toUs },
      { ...options, maxHeaders: between(16, maxSamples / 10, maxLogHeaders) },
    ),
  ];
}

function between(min: number, value: number, max: number): number {
  return Math.min(max, Math.max(min, Math.ceil(value)));
}
