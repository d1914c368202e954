// For tests only: random state changes, and the state at an instant by searching for it.
import fc from "fast-check";
import type { StateChange } from "../history/state-intervals.ts";
import { baseUs } from "./brute-force.ts";

/**
 * Up to 25 changes in order within about 300 µs, with repeated states and up to a few changes at
 * one time.
 */
export const anyChanges: fc.Arbitrary<StateChange[]> = fc
  .array(
    fc.record({
      distance: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 })),
      state: fc.integer({ min: 0, max: 4 }),
    }),
    { maxLength: 25, size: "max" },
  )
  .map((steps) => {
    let timeUs = baseUs - 10;
    return steps.map(({ distance, state }) => {
      timeUs += distance;
      return { timeUs, state };
    });
  });

/** State of the microsecond that begins at `us`; undefined before the first change. */
export function stateAt(changes: readonly StateChange[], us: number): number | undefined {
  return changes.findLast(({ timeUs }) => timeUs <= us)?.state;
}
