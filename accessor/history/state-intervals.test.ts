// State intervals and times against a look at every microsecond.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyWindow, baseUs } from "../testing/brute-force.ts";
import { anyChanges, stateAt } from "../testing/brute-force-states.ts";
import { timeInStates, toIntervals, windowIntervals } from "./state-intervals.ts";

describe("toIntervals", () => {
  it("holds each state until another one comes, the last one open", () => {
    fc.assert(
      fc.property(anyChanges, (changes) => {
        const intervals = toIntervals(changes);
        expect(intervals[0]?.startUs).toBe(changes[0]?.timeUs);
        for (const [i, { startUs, endUs, state }] of intervals.entries()) {
          expect(endUs).toBe(intervals[i + 1]?.startUs);
          expect(state).not.toBe(intervals[i + 1]?.state);
          for (let us = startUs; us < (endUs ?? startUs + 5); us++)
            expect(stateAt(changes, us)).toBe(state);
          expect(endUs === undefined || endUs > startUs).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("lets the later of equal times win, also when that undoes a change", () => {
    const changes = [
      [0, 1],
      [5, 3],
      [9, 2],
      [9, 3],
      [12, 4],
      [12, 1],
    ].map(([timeUs, state]) => ({ timeUs: timeUs!, state: state! }));
    expect(toIntervals(changes)).toEqual([
      { startUs: 0, endUs: 5, state: 1 },
      { startUs: 5, endUs: 12, state: 3 },
      { startUs: 12, endUs: undefined, state: 1 },
    ]);
    expect(() => toIntervals([...changes, { timeUs: 11, state: 1 }])).toThrow(RangeError);
  });
});

describe("windowIntervals and timeInStates", () => {
  const anyCase = fc.tuple(anyChanges, anyWindow, fc.constantFrom(undefined, 0, 1, 2, 3, 4));

  it("fill the window exactly, with the state of every microsecond", () => {
    fc.assert(
      fc.property(anyCase, ([changes, window, carriedIn]) => {
        const expected = [0, 0, 0, 0, 0];
        let transitions = 0;
        for (let us = window.fromUs; us < window.toUs; us++) {
          const [before, now] = [us - 1, us].map((at) => stateAt(changes, at) ?? carriedIn ?? 0);
          expected[now!]!++;
          if (before !== now && before !== 0 && now !== 0) transitions++;
        }
        expect(timeInStates(changes, { ...window, carriedIn })).toEqual({
          timeUs: expected,
          transitions,
        });
        const intervals = windowIntervals(changes, { ...window, carriedIn });
        expect([intervals[0]?.startUs, intervals.at(-1)?.endUs]).toEqual([
          window.fromUs,
          window.toUs,
        ]);
        for (const [i, { startUs, endUs, state }] of intervals.entries()) {
          if (i > 0) expect(startUs).toBe(intervals[i - 1]!.endUs);
          expect(endUs).toBeGreaterThan(startUs);
          for (let us = startUs; us < endUs; us++)
            expect(stateAt(changes, us) ?? carriedIn ?? 0).toBe(state);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("give the same from the changes inside and the state carried in as from all changes", () => {
    fc.assert(
      fc.property(anyCase, ([changes, window]) => {
        const inside = changes.filter(
          ({ timeUs }) => timeUs >= window.fromUs && timeUs < window.toUs,
        );
        const carriedIn = stateAt(changes, window.fromUs - 1);
        expect(timeInStates(inside, { ...window, carriedIn })).toEqual(
          timeInStates(changes, window),
        );
      }),
    );
  });

  it("take a state of a later version as unknown", () => {
    const changes = [
      { timeUs: baseUs + 2, state: 1 },
      { timeUs: baseUs + 5, state: 7 },
    ];
    const window = { fromUs: baseUs, toUs: baseUs + 10, carriedIn: -1 };
    expect(timeInStates(changes, window)).toEqual({ timeUs: [7, 3, 0, 0, 0], transitions: 0 });
  });
});
