// The band of states: nothing overlaps, nothing is drawn past now, no fault is lost.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { bandBlocks } from "./band-columns.ts";
import type { Interval } from "./lanes.ts";

const { ACTIVE, IDLE, FAULT, OFF } = MachineState;
const at = (fromUs: number, toUs: number, state: MachineState): Interval => ({
  fromUs,
  toUs,
  state,
  reason: "",
});

test("blocks are in order, do not overlap, and lie between the view's start and now", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(
      lengths,
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 0, max: 5_000 }),
      (all, span, fromUs) => {
        let time = 0;
        const intervals = all.map((length, i) => {
          const one = at(time, time + length, [ACTIVE, IDLE, FAULT, OFF][i % 4]!);
          time += length;
          return one;
        });
        const view = { fromUs, toUs: fromUs + span };
        const endUs = fromUs + span * 0.8;
        const blocks = bandBlocks(intervals, { view, endUs, width: 200 });
        let edge = 0;
        for (const { from, to } of blocks) {
          expect(from).toBeGreaterThanOrEqual(edge - 1e-9);
          expect(to).toBeGreaterThan(from);
          edge = to;
        }
        expect(edge).toBeLessThanOrEqual(161);
        // Every fault of at least a microsecond in view is in some block.
        const isFaultSeen = intervals.some(
          (one) =>
            one.state === FAULT &&
            one.toUs > view.fromUs &&
            one.fromUs < Math.min(view.toUs, endUs),
        );
        if (isFaultSeen) expect(blocks.some(({ state }) => state === FAULT)).toBe(true);
      },
    ),
  );
});

test("a state from before the view is carried into it, and one that lasts ends now", () => {
  const blocks = bandBlocks([at(-1_000, 50, IDLE), at(50, Number.POSITIVE_INFINITY, ACTIVE)], {
    view: { fromUs: 0, toUs: 100 },
    endUs: 80,
    width: 100,
  });
  expect(blocks).toEqual([
    { from: 0, to: 50, state: IDLE, silent: false },
    { from: 50, to: 80, state: ACTIVE, silent: false },
  ]);
});

test("the part in which a machine was silent is told apart", () => {
  const [known, silent] = bandBlocks([{ ...at(0, 100, ACTIVE), silentFromUs: 60 }], {
    view: { fromUs: 0, toUs: 100 },
    endUs: 100,
    width: 100,
  });
  expect([known, silent]).toEqual([
    { from: 0, to: 60, state: ACTIVE, silent: false },
    { from: 60, to: 100, state: ACTIVE, silent: true },
  ]);
});
