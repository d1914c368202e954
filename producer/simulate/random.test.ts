// Draws are repeatable, fair and Gaussian; noise does not depend on how its indices are cut.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandom, fillGaussian, mix, seedOf } from "./random.ts";

test("equal seeds give equal sequences, others do not", () => {
  const take = (seed: number) => Array.from({ length: 20 }, createRandom(seed).next);
  expect(take(1)).toEqual(take(1));
  expect(take(1)).not.toEqual(take(2));
});

test("a seed depends on every part and where it ends", () => {
  expect(seedOf(1, "ab", "c")).toBe(seedOf(1, "ab", "c"));
  const seeds = [
    seedOf(1, "ab", "c"),
    seedOf(1, "a", "bc"),
    seedOf("1ab", "c"),
    seedOf(2, "ab", "c"),
    seedOf(1, "ab"),
  ];
  expect(new Set(seeds).size).toBe(seeds.length);
});

test("whole numbers cover their bounds evenly", () => {
  const random = createRandom(7);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 50_000; i++) counts[random.whole(1, 5) - 1]!++;
  // 10,000 expected each; five standard deviations are 447.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(447);
});

test("mixing is a bijection in the small: no two neighbours meet", () => {
  expect(new Set(Array.from({ length: 100_000 }, (_, i) => mix(i))).size).toBe(100_000);
});

test("noise is Gaussian and its neighbours are independent", () => {
  const n = 400_000;
  const noise = new Float64Array(n);
  fillGaussian(noise, { seed: 3, first: 170_000_000_001 });
  const mean = (f: (x: number, i: number) => number) =>
    noise.reduce((sum, x, i) => sum + f(x, i), 0) / n;
  // Standard errors: mean 0.0016, variance 0.0022, fourth moment 0.0155, correlation 0.0016; four
  // of each are allowed.
  expect(Math.abs(mean((x) => x))).toBeLessThan(0.0064);
  expect(Math.abs(mean((x) => x * x) - 1)).toBeLessThan(0.009);
  expect(Math.abs(mean((x) => x ** 4) - 3)).toBeLessThan(0.062);
  expect(Math.abs(mean((x) => (Math.abs(x) < 1 ? 1 : 0)) - 0.6827)).toBeLessThan(0.003);
  for (const lag of [1, 2, 3, 100]) {
    expect(Math.abs(mean((x, i) => x * (noise[i + lag] ?? 0)))).toBeLessThan(0.0064);
  }
});

test("noise is the same however its indices are cut", () => {
  const first = 2 ** 33 - 50;
  const whole = new Float64Array(100);
  fillGaussian(whole, { seed: 9, first });
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 10 });
  fc.assert(
    fc.property(cuts, (inner) => {
      const edges = [0, ...inner.toSorted((a, b) => a - b), 100];
      const pieces = edges.slice(1).flatMap((end, i) => {
        const piece = new Float64Array(end - edges[i]!);
        fillGaussian(piece, { seed: 9, first: first + edges[i]! });
        return [...piece];
      });
      expect(pieces).toEqual([...whole]);
    }),
  );
});
