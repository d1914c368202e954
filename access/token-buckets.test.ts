// Token buckets on a clock of the test's own: never more than the rate allows, never less, and
// bounded.
import fc from "fast-check";
import { expect, test } from "vitest";
import { TokenBuckets } from "./token-buckets.ts";

function open(options: { perSecond: number; burst: number; maxKeys?: number }) {
  const clock = { nowMs: 0 };
  return { clock, buckets: new TokenBuckets({ ...options, monotonicMs: () => clock.nowMs }) };
}

test("a burst passes, then as many as the rate says, each key for itself", () => {
  const { clock, buckets } = open({ perSecond: 2, burst: 3 });
  const granted = (key: string) => buckets.take(key).granted;
  expect([granted("a"), granted("a"), granted("a"), granted("a"), granted("b")]).toEqual([
    true,
    true,
    true,
    false,
    true,
  ]);
  expect(buckets.take("a")).toEqual({ granted: false, remaining: 0, retryMs: 500, resetMs: 1_500 });
  clock.nowMs = 499;
  expect(granted("a")).toBe(false);
  clock.nowMs = 500;
  expect([granted("a"), granted("a")]).toEqual([true, false]);
});

test("in any half-minute no more is granted than burst and rate allow, and nothing is refused that they allow", () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat(3_000), asks: fc.nat(8) }), { maxLength: 60 });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 30 }),
      (given, perSecond, burst) => {
        const { clock, buckets } = open({ perSecond, burst });
        const grantedAtMs: number[] = [];
        for (const { waitMs, asks } of given) {
          clock.nowMs += waitMs;
          for (let i = 0; i < asks; i++) {
            const taken = buckets.take("k");
            if (taken.granted) grantedAtMs.push(clock.nowMs);
            else expect(taken.retryMs).toBeGreaterThan(0);
          }
        }
        for (const [i, fromMs] of grantedAtMs.entries()) {
          const within = grantedAtMs.slice(i).filter((ms) => ms - fromMs <= 30_000).length;
          const lastMs = grantedAtMs[i + within - 1]!;
          expect(within).toBeLessThanOrEqual(
            burst + ((lastMs - fromMs) / 1_000) * perSecond + 1e-6,
          );
        }
        clock.nowMs += (burst / perSecond) * 1_000 + 1;
        expect(buckets.take("k", 0).remaining).toBe(burst);
      },
    ),
  );
});

test("a debt is paid off before anything is granted again", () => {
  const { clock, buckets } = open({ perSecond: 100, burst: 100 });
  expect(buckets.take("a", 1_000)).toMatchObject({ granted: true, remaining: 0, retryMs: 9_010 });
  expect(buckets.take("a", 0).granted).toBe(false);
  expect(buckets.charge("a", 100).retryMs).toBe(10_010);
  clock.nowMs = 10_009;
  expect(buckets.take("a", 0).granted).toBe(false);
  clock.nowMs = 10_010;
  expect(buckets.take("a", 0)).toMatchObject({ granted: true, remaining: 1 });
});

test("buckets are bounded: the one asked longest ago goes", () => {
  const { buckets } = open({ perSecond: 1, burst: 1, maxKeys: 2 });
  for (const key of ["a", "b", "a", "c"]) buckets.take(key);
  expect(buckets.size).toBe(2);
  expect([buckets.take("a").granted, buckets.take("b").granted]).toEqual([false, true]);
});
