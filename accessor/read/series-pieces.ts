// Everything that is stored of some numeric series in a range, as of a revision: sources for a sweep.
import type { Series } from "../store/catalog.ts";
import type { Reads } from "./as-of.ts";
import { logPieces } from "./log-pieces.ts";
import type { PieceSource } from "./sweep.ts";

export type SeriesRange = { series: readonly Series[]; fromUs: number; toUs: number; revision: number };

/** maxSamples: about how many will be used; fewer are looked up at once. */
export function seriesPieces(
  { database }: Reads,
  { series, fromUs, toUs, revision }: SeriesRange,
  { maxSamples, signal }: { maxSamples: number; withRevisions: boolean; signal: AbortSignal },
): PieceSource[] {
  const maxHeaders = Math.max(16, Math.min(100_000, Math.ceil(maxSamples / 10)));
  return [logPieces(database, { series, after: 0, through: revision, fromUs, toUs }, { maxHeaders, signal })];
}
