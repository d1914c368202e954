// Time and energy by state against a look at every microsecond; slots that add up to their window.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  anySamples,
  anyWindow,
  areaOf,
  baseUs,
  expectClose,
  linear,
  lineHeights,
  sizeOf,
  toColumn,
} from "../testing/brute-force.ts";
import { anyChanges, stateAt } from "../testing/brute-force-states.ts";
import { BucketAccumulator } from "./buckets.ts";
import { plus } from "./double-double.ts";
import type { Sample, Window } from "./line-area.ts";
import { type StateChange, timeInStates, windowIntervals } from "./state-intervals.ts";
import {
  addStateTotals,
  emptyStateTotals,
  type StateTotals,
  stateEdges,
  toStateTotals,
} from "./state-totals.ts";

function totalsOf(
  samples: readonly Sample[],
  changes: readonly StateChange[],
  slotEdgesUs: Float64Array,
): StateTotals[] {
  const intervals = windowIntervals(changes, {
    fromUs: slotEdgesUs[0]!,
    toUs: slotEdgesUs.at(-1)!,
  });
  const accumulator = new BucketAccumulator({
    edgesUs: stateEdges(slotEdgesUs, intervals),
    ...linear,
  });
  accumulator.addColumn(toColumn(samples));
  return toStateTotals(accumulator.finish(), { slotEdgesUs, intervals });
}

const toSlots = ({ fromUs, toUs }: Window, cuts: readonly number[]) =>
  Float64Array.from(
    new Set([fromUs, toUs, ...cuts.map((cut) => fromUs + (cut % (toUs - fromUs)))]),
  ).sort();

describe("toStateTotals", () => {
  it("equals brute force in each slot", () => {
    fc.assert(
      fc.property(
        anySamples,
        anyChanges,
        anyWindow,
        fc.array(fc.nat(), { maxLength: 6 }),
        (samples, changes, window, cuts) => {
          const slots = toSlots(window, cuts);
          for (const [slot, totals] of totalsOf(samples, changes, slots).entries()) {
            const [fromUs, toUs] = [slots[slot]!, slots[slot + 1]!];
            const heights = lineHeights(samples, { fromUs, toUs });
            const { timeUs, transitions } = timeInStates(changes, { fromUs, toUs });
            expect(totals.timeUs).toEqual(timeUs);
            expect(totals.transitions).toBe(transitions);
            for (let state = 0; state < 5; state++) {
              const ofState = heights.filter(
                (_, i) => (stateAt(changes, fromUs + i) ?? 0) === state,
              );
              const area = areaOf(ofState);
              expect(totals.coveredUs[state]).toBe(area.coveredUs);
              expectClose(totals.integral[state]?.high, area.integral, {
                size: (sizeOf(samples) * area.coveredUs) / 1e6,
              });
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("adds up: states to the window's integral and cover, slots to their window", () => {
    fc.assert(
      fc.property(
        anySamples,
        anyChanges,
        anyWindow,
        fc.array(fc.nat(), { maxLength: 6 }),
        (samples, changes, window, cuts) => {
          const sum = totalsOf(samples, changes, toSlots(window, cuts)).reduce(
            addStateTotals,
            emptyStateTotals,
          );
          const [whole] = totalsOf(samples, changes, toSlots(window, []));
          const accumulator = new BucketAccumulator({ edgesUs: toSlots(window, []), ...linear });
          accumulator.addColumn(toColumn(samples));
          const bucket = accumulator.finish()[0]!;
          const size = (sizeOf(samples) * bucket.coveredUs) / 1e6;
          expect(sum.timeUs).toEqual(whole!.timeUs);
          expect(sum.coveredUs).toEqual(whole!.coveredUs);
          expect(sum.transitions).toBe(whole!.transitions);
          for (const [state, integral] of whole!.integral.entries())
            expectClose(sum.integral[state]?.high, integral.high, { size });
          const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
          expect(total(sum.timeUs)).toBe(window.toUs - window.fromUs);
          expect(total(sum.coveredUs)).toBe(bucket.coveredUs);
          expectClose(sum.integral.reduce(plus).high, bucket.integral, { size });
        },
      ),
      { numRuns: 500 },
    );
  });

  it("cuts a line where the state changes", () => {
    const samples = [
      { timeUs: baseUs, value: 0 },
      { timeUs: baseUs + 10, value: 100 },
    ];
    const changes = [
      { timeUs: baseUs + 4, state: 1 },
      { timeUs: baseUs + 8, state: 2 },
    ];
    const [totals] = totalsOf(samples, changes, Float64Array.of(baseUs, baseUs + 20));
    expect(totals?.timeUs).toEqual([4, 4, 12, 0, 0]);
    expect(totals?.coveredUs).toEqual([4, 4, 2, 0, 0]);
    expect(totals?.integral.map(({ high }) => Math.round(high * 1e9) / 1e3)).toEqual([
      80, 240, 180, 0, 0,
    ]);
    expect(totals?.transitions).toBe(1);
  });
});
