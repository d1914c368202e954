// Samples of one series that were stored together, as the log and the history give them to a sweep.
import { type Column, sliceColumn } from "../../codec/column.ts";
import { mergeAll, type TrackedColumn, tiesByCommit } from "../../codec/column-merge.ts";
import type { Series } from "../store/series.ts";

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
  return {
    ...piece,
    column: sliceColumn(column, start, end),
    revisions: revisions?.subarray(start, end),
  };
}
