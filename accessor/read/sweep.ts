// Sweeps packed pieces of several series in order of time: slices come out ascending, however the
// pieces overlap, and only pieces that reach into the present slice are held.
import type { Column } from "../../samples/column.ts";
import type { Series } from "../store/catalog.ts";
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
};

/** Some pieces, and a bound: every piece still to come begins at or after nextFirstUs. */
export type PieceGroup = { pieces: Piece[]; nextFirstUs: number };
export type PieceSource = AsyncIterator<PieceGroup, void, undefined>;

/**
 * Parts of pieces before toUs (of their series, ascending by rank); nothing before toUs is still to
 * come.
 */
export type Slice = { toUs: number; parts: Map<Series, Piece[]> };

export type SweepOptions = {
  fromUs: number;
  /** Exclusive. */
  toUs: number;
  /** A slice waits until it has this many samples, or until all is read. */
  minSamples: number;
};

type Open = Piece & { offset: number; end: number };

export async function* sweep(
  sources: readonly PieceSource[],
  options: SweepOptions,
): AsyncGenerator<Slice, void, undefined> {
  const states = sources.map((source) => ({ source, nextFirstUs: Number.NEGATIVE_INFINITY }));
  let open: Open[] = [];
  let emittedUs = options.fromUs;
  for (;;) {
    const behind = states.reduce((least, state) => (state.nextFirstUs < least.nextFirstUs ? state : least), states[0]!);
    if (behind.nextFirstUs < options.toUs) {
      const { done, value } = await behind.source.next();
      behind.nextFirstUs = done ? Number.POSITIVE_INFINITY : value.nextFirstUs;
      for (const piece of value?.pieces ?? []) {
        const offset = lowerBound(piece.column.timesUs, options.fromUs);
        const end = lowerBound(piece.column.timesUs, options.toUs);
        if (offset < end) open.push({ ...piece, offset, end });
      }
    }
    const boundUs = states.reduce((least, { nextFirstUs }) => Math.min(least, nextFirstUs), options.toUs);
    const last = boundUs >= options.toUs;
    if (boundUs > emittedUs || last) {
      const ready = open.reduce(
        (sum, { column, offset, end }) => sum + Math.min(end, lowerBound(column.timesUs, boundUs)) - offset,
        0,
      );
      if (ready > 0 && (last || ready >= options.minSamples)) {
        yield { toUs: boundUs, parts: cut(open, boundUs) };
        open = open.filter(({ offset, end }) => offset < end);
        emittedUs = boundUs;
      }
    }
    if (last) return;
  }
}

/** Takes what lies before the bound out of the open pieces. */
function cut(open: readonly Open[], boundUs: number): Map<Series, Piece[]> {
  const parts = new Map<Series, Piece[]>();
  for (const piece of open) {
    const { series, column, offset } = piece;
    const end = Math.min(piece.end, lowerBound(column.timesUs, boundUs));
    if (end <= offset) continue;
    const part = partOf(piece, offset, end);
    piece.offset = end;
    const list = parts.get(series);
    if (list === undefined) parts.set(series, [part]);
    else list.push(part);
  }
  for (const list of parts.values()) list.sort((a, b) => a.rank - b.rank);
  return parts;
}

/** What of a slice lies before a time, and what does not. */
export function splitSlice({ toUs, parts }: Slice, boundUs: number): [before: Slice, after: Slice] {
  const before: Slice = { toUs: Math.min(toUs, boundUs), parts: new Map() };
  const after: Slice = { toUs, parts: new Map() };
  for (const [series, pieces] of parts) {
    const cuts = pieces.map((piece) => ({ piece, at: lowerBound(piece.column.timesUs, boundUs) }));
    const first = cuts.filter(({ at }) => at > 0).map(({ piece, at }) => partOf(piece, 0, at));
    const second = cuts
      .filter(({ piece, at }) => at < piece.column.timesUs.length)
      .map(({ piece, at }) => partOf(piece, at, piece.column.timesUs.length));
    if (first.length > 0) before.parts.set(series, first);
    if (second.length > 0) after.parts.set(series, second);
  }
  return [before, after];
}

/** Pieces of one series, ascending by rank, as one column in order of (time, commit). */
export function mergePieces(pieces: readonly Piece[]): TrackedColumn {
  const tracked = pieces.some(({ late }) => late);
  const merged = mergeAll(pieces.map(({ column, revisions }) => (tracked ? { ...column, revisions } : column)));
  return tracked ? tiesByCommit(merged) : merged;
}

export function partOf({ series, rank, column, revisions, late }: Piece, start: number, end: number): Piece {
  const { timesUs, values } = column;
  return {
    series,
    rank,
    column: { timesUs: timesUs.subarray(start, end), values: values.subarray(start, end) },
    revisions: revisions?.subarray(start, end),
    ...(late && { late }),
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
