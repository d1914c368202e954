// Time and energy by state over a row of slots: minute and hour roll-ups store them, and a
// machine's summary adds them up.
import type { Bucket } from "./buckets.ts";
import { type DoubleDouble, plus, zero } from "./double-double.ts";
import { stateCount, type WindowInterval } from "./state-intervals.ts";

/**
 * Arrays are indexed by state (0 unknown, 1 active, 2 idle, 3 fault, 4 off). Totals of neighbouring
 * windows add up to those of the window they make: times exactly, integrals to float64's last bit.
 */
export type StateTotals = {
  /** Microseconds in each state; they add up to the window. */
  readonly timeUs: readonly number[];
  /**
   * Value·seconds under the straight lines between samples while in that state (W gives J: 3.6e6
   * per kWh).
   */
  readonly integral: readonly DoubleDouble[];
  /** Microseconds of each state that those lines cover. */
  readonly coveredUs: readonly number[];
  /** Changes from one known state to another. */
  readonly transitions: number;
};

/** The identity of `addStateTotals`. */
export const emptyStateTotals: StateTotals = Object.freeze({
  timeUs: Object.freeze(new Array<number>(stateCount).fill(0)),
  integral: Object.freeze(new Array<DoubleDouble>(stateCount).fill(zero)),
  coveredUs: Object.freeze(new Array<number>(stateCount).fill(0)),
  transitions: 0,
});

/** Totals of two windows together, in any order. */
export function addStateTotals(a: StateTotals, b: StateTotals): StateTotals {
  return {
    timeUs: a.timeUs.map((value, state) => value + b.timeUs[state]!),
    integral: a.integral.map((value, state) => plus(value, b.integral[state]!)),
    coveredUs: a.coveredUs.map((value, state) => value + b.coveredUs[state]!),
    transitions: a.transitions + b.transitions,
  };
}

/**
 * Bucket edges that cut at every slot's and every interval's edge, so that each bucket lies in one
 * slot and one state. A BucketAccumulator fills them, and its buckets go to `toStateTotals`. The
 * intervals must fill the slots' window (`windowIntervals`).
 */
export function stateEdges(
  slotEdgesUs: Float64Array,
  intervals: readonly WindowInterval[],
): Float64Array {
  const edgesUs = new Float64Array(slotEdgesUs.length + intervals.length).fill(
    Number.POSITIVE_INFINITY,
  );
  edgesUs.set(slotEdgesUs);
  for (const [i, { startUs }] of intervals.entries()) edgesUs[slotEdgesUs.length + i] = startUs;
  edgesUs.sort();
  return edgesUs.filter((edgeUs, i) => i === 0 || edgeUs > edgesUs[i - 1]!);
}

/**
 * Totals of each slot from the buckets of `stateEdges` (same slots, same intervals). Without a
 * numeric signal, buckets of an accumulator that was fed nothing give only the times.
 */
export function toStateTotals(
  buckets: readonly Bucket[],
  options: { readonly slotEdgesUs: Float64Array; readonly intervals: readonly WindowInterval[] },
): StateTotals[] {
  const { slotEdgesUs, intervals } = options;
  const totals: StateTotals[] = [];
  let [b, i] = [0, 0];
  for (let slot = 0; slot + 1 < slotEdgesUs.length; slot++) {
    const [timeUs, integral, coveredUs] = [
      [...emptyStateTotals.timeUs],
      [...emptyStateTotals.integral],
      [...emptyStateTotals.coveredUs],
    ];
    let transitions = 0;
    for (; b < buckets.length && buckets[b]!.startUs < slotEdgesUs[slot + 1]!; b++) {
      const bucket = buckets[b]!;
      while (intervals[i]!.endUs <= bucket.startUs) i++;
      const { state, transition, startUs } = intervals[i]!;
      timeUs[state]! += bucket.endUs - bucket.startUs;
      integral[state] = plus(integral[state]!, { high: bucket.integral, low: bucket.integralLow });
      coveredUs[state]! += bucket.coveredUs;
      if (transition && startUs === bucket.startUs) transitions++;
    }
    totals.push({ timeUs, integral, coveredUs, transitions });
  }
  return totals;
}
