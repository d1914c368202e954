// Samples of one series that were stored together: what the log and the history give to a sweep.
import { type Column, sliceColumn } from "../../codec/column.ts";
import { mergeAll, type TrackedColumn, tiesByCommit } from "../../codec/column-merge.ts";
import type { Series } from "../store/series.ts";

/**
 * Samples of one series that were stored together. At equal times, pieces of a series are ordered
 * by ascending rank.
 */
export type Piece = {
  series: Series;
  rank: number;
  column: Column;
  /** Commit of each sample, if requested. */
  revisions: Float64Array | undefined;
  /**
   * Whether it belongs to a held commit, which at equal times may be older than samples of a lower
   * rank; in that case all pieces know their commits.
   */
  late?: boolean;
  stored: Stored;
};

/** Loads pieces of one source again, in the given order, by their headers. */
export type Stored = { by: object; load: (by: readonly object[]) => Promise<Piece[]> };

/** Some pieces, and a bound: every later piece begins at or after nextFirstUs. */
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
