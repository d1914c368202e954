// Sweeps packed pieces of several series in order of time: slices come out ascending, however the pieces overlap, and only pieces that
// reach into the present slice are held.
import type { Column } from "../../samples/column.ts";
import type { Series } from "../store/catalog.ts";

/** Samples of one series that were stored together. Pieces of a series at equal times go by rank, ascending. */
export type Piece = {
  series: Series;
  rank: number;
  column: Column;
  /** Commit of each sample, if asked for. */
  revisions: Float64Array | undefined;
};

/** Some pieces, and a bound: every piece still to come begins at or after nextFirstUs. */
export type PieceGroup = { pieces: Piece[]; nextFirstUs: number };
export type PieceSource = AsyncIterator<PieceGroup, void, undefined>;

/** Parts of pieces before toUs (of their series, ascending by rank); nothing before toUs is still to come. */
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
    const boundUs = Math.min(options.toUs, ...states.map(({ nextFirstUs }) => nextFirstUs));
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
    const { series, rank, column, revisions, offset } = piece;
    const end = Math.min(piece.end, lowerBound(column.timesUs, boundUs));
    if (end <= offset) continue;
    const part: Piece = {
      series,
      rank,
      column: { timesUs: column.timesUs.subarray(offset, end), values: column.values.subarray(offset, end) },
      revisions: revisions?.subarray(offset, end),
    };
    piece.offset = end;
    const list = parts.get(series);
    if (list === undefined) parts.set(series, [part]);
    else list.push(part);
  }
  for (const list of parts.values()) list.sort((a, b) => a.rank - b.rank);
  return parts;
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
