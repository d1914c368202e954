// Samples of one series that were stored together, as the log and the history give them to a sweep.
import type { Column } from "../../codec/column.ts";
import type { Series } from "../store/series.ts";
import { mergeAll, type TrackedColumn, tiesByCommit } from "./merge.ts";

/**
 * Samples of one series that were stored together. Pieces of a series at equal times go by rank,
 * ascending.
 */
export type Piece = {
  series: Series;
  rank: number;
  column: Column;
  /** Commit of each sample, if asked for. */
  revisions: Float64Array | undefined;
  /**
   * Of a commit that is held, so at equal times maybe older than what goes before it by rank; then
   * all pieces know their commits.
   */
  late?: boolean;
  stored: Stored;
};

/** Loads pieces of one source again, in the order given: by the headers that it knows them by. */
export type Stored = { by: object; load: (by: readonly object[]) => Promise<Piece[]> };

/** Some pieces, and a bound: every piece still to come begins at or after nextFirstUs. */
export type PieceGroup = { pieces: Piece[]; nextFirstUs: number };
export type PieceSource = AsyncIterator<PieceGroup, void, undefined>;

/** Pieces of one series, ascending by rank, as one column in order of (time, commit). */
export function mergePieces(pieces: readonly Piece[]): TrackedColumn {
  const tracked = pieces.some(({ late }) => late);
  const merged = mergeAll(
    pieces.map(({ column, revisions }) => (tracked ? { ...column, revisions } : column)),
  );
  return tracked ? tiesByCommit(merged) : merged;
}

export function partOf({ column, revisions, ...piece }: Piece, start: number, end: number): Piece {
  const { timesUs, values } = column;
  return {
    ...piece,
    column: { timesUs: timesUs.subarray(start, end), values: values.subarray(start, end) },
    revisions: revisions?.subarray(start, end),
  };
}

/** Index of the first time that is not before timeUs. */
export function lowerBound(timesUs: Float64Array, timeUs: number): number {
  let low = 0;
  let high = timesUs.length;
  if (high === 0 || timesUs[high - 1]! < timeUs) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (timesUs[middle]! < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}
