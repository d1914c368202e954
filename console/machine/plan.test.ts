// Which window is asked for, and when another one is needed.
import fc from "fast-check";
import { expect, test } from "vitest";
import { planWindow, serves } from "./plan.ts";

const options = { widthPx: 900, series: 1 };
const nowUs = 4e15;

test("a window has the view and as much at each side, in few round buckets", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1e15, max: 2e15 }),
      fc.double({ min: 4, max: 14.7, noNaN: true }),
      fc.integer({ min: 1, max: 40 }),
      (fromUs, size, series) => {
        const view = { fromUs, toUs: fromUs + Math.round(10 ** size) };
        const plan = planWindow(view, { widthPx: 900, series });
        const span = view.toUs - view.fromUs;
        expect(plan.fromUs).toBeLessThanOrEqual(view.fromUs - span + plan.widthUs);
        expect(plan.toUs).toBeGreaterThanOrEqual(view.toUs + span - plan.widthUs);
        expect(plan.fromUs % plan.widthUs).toBe(0);
        const buckets = (plan.toUs - plan.fromUs) / plan.widthUs;
        expect(buckets).toBeLessThanOrEqual(3 * 600 + 3);
        expect(buckets * series).toBeLessThan(100_000);
        expect(serves(plan, view, { ...options, series, nowUs })).toBe(true);
      },
    ),
  );
});

test("moving a little asks for nothing; moving far or zooming does", () => {
  const view = { fromUs: 1e15, toUs: 1e15 + 900e6 };
  const plan = planWindow(view, options);
  const moved = (byUs: number) => ({ fromUs: view.fromUs + byUs, toUs: view.toUs + byUs });
  const isServed = (next: typeof view, now = nowUs) =>
    serves(plan, next, { ...options, nowUs: now });
  expect(isServed(moved(300e6))).toBe(true);
  expect(isServed(moved(-300e6))).toBe(true);
  expect(isServed(moved(900e6))).toBe(false);
  // There is nothing to ask for after now.
  expect(isServed(moved(800e6), view.toUs + 800e6)).toBe(true);
  expect(isServed({ fromUs: view.fromUs, toUs: view.fromUs + 9e6 })).toBe(false);
});
