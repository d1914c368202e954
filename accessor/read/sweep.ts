// Sweeps packed pieces of several series in order of time: slices are ascending, however the pieces
// overlap, and only pieces that reach into the present slice are held.

import { lowerBound } from "../../codec/lower-bound.ts";
import type { SampleBudget } from "../store/sample-budget.ts";
import type { Series } from "../store/series.ts";
import { OpenPieces } from "./open-pieces.ts";
import { type Piece, type PieceSource, partOf } from "./pieces.ts";

/**
 * Parts of pieces before toUs (of their series, ascending by rank); no later slice has a sample
 * before toUs.
 */
export type Slice = { toUs: number; parts: Map<Series, Piece[]> };

export type SweepOptions = {
  fromUs: number;
  /** Exclusive. */
  toUs: number;
  /**
   * A slice is collected until it has this many samples, no more may be held, they are in 1,024
   * pieces, or all is read.
   */
  minSamples: number;
  /**
   * If more samples overlap than the share permits, the later ones are released and loaded again
   * when their time comes, for every slice that is made meanwhile.
   */
  budget: SampleBudget;
};

// A slice of many small pieces takes time in proportion to their number, all in one turn.
const maxPieces = 1_024;
// The most samples that are merged at once. Sources give about 131,072 samples at a time.
const maxSliceSamples = 262_144;

/** Fails with QUESTION_TOO_LARGE if more than 1,048,576 samples are at one time. */
export async function* sweep(
  sources: readonly PieceSource[],
  { minSamples, budget, ...range }: SweepOptions,
): AsyncGenerator<Slice, void, undefined> {
  const states = sources.map((source) => ({ source, nextFirstUs: Number.NEGATIVE_INFINITY }));
  const { fromUs, toUs } = range;
  const open = new OpenPieces({ ...range, budget });
  using _ = budget.enter();
  let emittedUs = fromUs;
  for (;;) {
    const behind = states.reduce(
      (least, state) => (state.nextFirstUs < least.nextFirstUs ? state : least),
      states[0]!,
    );
    if (open.againUs < Math.min(toUs, open.ceilingUs) && open.againUs <= behind.nextFirstUs) {
      await open.loadAgain();
    } else if (behind.nextFirstUs < Math.min(toUs, open.ceilingUs)) {
      const { done, value } = await behind.source.next();
      behind.nextFirstUs = done ? Number.POSITIVE_INFINITY : value.nextFirstUs;
      for (const piece of value?.pieces ?? []) open.add(piece);
    }
    open.shed();
    const nextFirstUs = states.reduce(
      (least, state) => Math.min(least, state.nextFirstUs),
      open.againUs,
    );
    const { ceilingUs } = open;
    const boundUs = Math.min(nextFirstUs, ceilingUs, toUs);
    const last = boundUs >= toUs;
    if (boundUs > emittedUs || last) {
      const ready = open.countBefore(boundUs);
      const enough = ready >= minSamples || open.pieces >= maxPieces;
      if (ready > 0 && (last || boundUs === ceilingUs || enough)) {
        yield* slicesBefore(open, boundUs, ready);
        emittedUs = boundUs;
      }
    }
    if (last) return;
  }
}

/** The samples before a time, in slices that do not take too long to merge. */
function* slicesBefore(
  open: OpenPieces,
  boundUs: number,
  ready: number,
): Generator<Slice, void, undefined> {
  for (let left = ready; left > maxSliceSamples; left = open.countBefore(boundUs)) {
    const toUs = open.timeOf(maxSliceSamples / 2);
    if (toUs === undefined || toUs >= boundUs) break;
    yield { toUs, parts: open.take(toUs) };
  }
  if (open.countBefore(boundUs) > 0) yield { toUs: boundUs, parts: open.take(boundUs) };
}

/** Divides a slice at a time: the samples before it, and the rest. */
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
