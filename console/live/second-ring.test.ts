// Seconds of a sparkline: what any order of samples gives.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SecondRing } from "./second-ring.ts";

const fromS = 1_767_571_200;

test("the ring holds least, greatest and mean of each of the newest seconds", () => {
  const sample = fc.record({
    ms: fc.integer({ min: 0, max: 19_999 }),
    value: fc.integer({ min: -1_000, max: 1_000 }),
  });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 60 }), (samples) => {
      const ring = new SecondRing(10);
      // The newest first: from then on all that is too old is known to be.
      const newestMs = samples.reduce((most, { ms }) => Math.max(most, ms), 0);
      const ordered = samples.toSorted(
        (a, b) => Number(b.ms === newestMs) - Number(a.ms === newestMs),
      );
      for (const { ms, value } of ordered)
        ring.add(new Float64Array([(fromS * 1_000 + ms) * 1_000]), new Float64Array([value]));
      const lastS = fromS + Math.floor(newestMs / 1_000);
      const { fromUs, mean, min, max } = ring.read(lastS * 1e6 + 500_000);
      expect(fromUs).toBe((lastS - 9) * 1e6);
      for (let i = 0; i < 10; i++) {
        const here = samples
          .filter(({ ms }) => fromS + Math.floor(ms / 1_000) === lastS - 9 + i)
          .map(({ value }) => value);
        if (here.length === 0) expect([mean[i], min[i], max[i]]).toEqual([NaN, NaN, NaN]);
        else {
          expect(min[i]).toBe(here.reduce((a, b) => Math.min(a, b)));
          expect(max[i]).toBe(here.reduce((a, b) => Math.max(a, b)));
          expect(mean[i]).toBeCloseTo(here.reduce((a, b) => a + b) / here.length, 3);
        }
      }
    }),
  );
});

test("a second of a bucket counts as its samples do, and later samples add to it", () => {
  const ring = new SecondRing(5);
  ring.addSecond(fromS * 1e6, { count: 4, min: 1, max: 9, mean: 4 });
  ring.add(new Float64Array([fromS * 1e6 + 1]), new Float64Array([14]));
  const { mean, min, max } = ring.read(fromS * 1e6);
  expect([mean[4], min[4], max[4]]).toEqual([6, 1, 14]);
});
