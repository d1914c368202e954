// Bytes in flight stay within their limit, and whoever waits is served in order, whatever the
// others do.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Intake, type IntakeOptions } from "./intake.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("admits in order of asking, within the limit, and everything is given back", async () => {
  const step = fc.record({
    byteLength: fc.integer({ min: 0, max: 50_000 }),
    next: fc.constantFrom("hold", "release", "abort"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const options = { maxInFlightBytes: 100_000, monotonicMs: () => 0 };
      const intake = new Intake(options as IntakeOptions, 0);
      const held: { bytes: number; lease: Disposable }[] = [];
      const admitted: number[] = [];
      const waiting = new Map<number, AbortController>();
      const release = () => held.shift()?.lease[Symbol.dispose]();
      for (const [i, { byteLength, next }] of steps.entries()) {
        const controller = new AbortController();
        waiting.set(i, controller);
        intake.admit(undefined, byteLength, { abort: controller.signal }).then(
          (lease) => {
            waiting.delete(i);
            admitted.push(i);
            held.push({ bytes: 3 * byteLength + 1_000, lease });
          },
          () => waiting.delete(i),
        );
        await turn();
        if (next === "release") release();
        if (next === "abort") [...waiting.values()].at(-1)?.abort(new Error("left"));
        await turn();
        expect(intake.inFlightBytes).toBe(held.reduce((sum, { bytes }) => sum + bytes, 0));
        expect(intake.inFlightBytes <= 100_000 || held.length === 1).toBe(true);
        expect(admitted).toEqual(admitted.toSorted((a, b) => a - b));
      }
      while (held.length > 0) {
        release();
        await turn();
      }
      expect([intake.inFlightBytes, intake.waiting, waiting.size]).toEqual([0, 0, 0]);
    }),
    { numRuns: 200 },
  );
});
