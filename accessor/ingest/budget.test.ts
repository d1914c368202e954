// Bytes in flight stay within the bound, and whoever waits is served in order, whatever the others
// do.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Budget } from "./budget.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("grants in order of asking, within the bound, and gives all back", async () => {
  const step = fc.record({
    bytes: fc.integer({ min: 1, max: 150 }),
    next: fc.constantFrom("hold", "release", "abort"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const budget = new Budget(100);
      const held: number[] = [];
      const granted: number[] = [];
      const waiting = new Map<number, AbortController>();
      for (const [i, { bytes, next }] of steps.entries()) {
        const controller = new AbortController();
        waiting.set(i, controller);
        budget.acquire(bytes, controller.signal).then(
          () => {
            waiting.delete(i);
            granted.push(i);
            held.push(bytes);
          },
          () => waiting.delete(i),
        );
        await turn();
        if (next === "release" && held.length > 0) budget.release(held.shift()!);
        if (next === "abort") [...waiting.values()].at(-1)?.abort(new Error("left"));
        await turn();
        expect(budget.usedBytes).toBe(held.reduce((sum, size) => sum + size, 0));
        expect(budget.usedBytes <= 100 || held.length === 1).toBe(true);
        expect(granted).toEqual(granted.toSorted((a, b) => a - b));
      }
      while (held.length > 0) {
        budget.release(held.shift()!);
        await turn();
      }
      expect([budget.usedBytes, waiting.size]).toEqual([0, 0]);
    }),
    { numRuns: 200 },
  );
});
