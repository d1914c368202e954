// Bucket edges: aligned, clipped to the window, bounded.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BucketEdgesError, bucketEdges, roundWidthUs, slotEdges } from "./bucket-edges.ts";

const anyWindow = fc
  .record({
    fromUs: fc.integer({ min: -3e15, max: 4e15 }),
    lengthUs: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 1e15 })),
  })
  .map(({ fromUs, lengthUs }) => ({ fromUs, toUs: fromUs + lengthUs }));

describe("bucketEdges", () => {
  it("cuts the window at each multiple of the width and nowhere else", () => {
    const anySmall = fc.record({
      fromUs: fc.oneof(
        fc.integer({ min: -300, max: 300 }),
        fc.integer({ min: 1.79e15, max: 1.79e15 + 300 }),
      ),
      lengthUs: fc.integer({ min: 1, max: 300 }),
      widthUs: fc.integer({ min: 1, max: 400 }),
    });
    fc.assert(
      fc.property(anySmall, ({ fromUs, lengthUs, widthUs }) => {
        const toUs = fromUs + lengthUs;
        const expected = [fromUs];
        for (let us = fromUs + 1; us < toUs; us++)
          if (BigInt(us) % BigInt(widthUs) === 0n) expected.push(us);
        expected.push(toUs);
        expect([...bucketEdges({ fromUs, toUs, widthUs, maxBuckets: 300 })]).toEqual(expected);
        expect(() =>
          bucketEdges({ fromUs, toUs, widthUs, maxBuckets: expected.length - 2 }),
        ).toThrow(
          expect.objectContaining({ name: "BucketEdgesError", reason: "too_many_buckets" }),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("is exact from one end of time to the other", () => {
    const time = fc.maxSafeInteger();
    const anyWide = fc.tuple(time, time, fc.integer({ min: 1e12, max: Number.MAX_SAFE_INTEGER }));
    fc.assert(
      fc.property(anyWide, ([a, b, widthUs]) => {
        const [fromUs, toUs] = [
          Math.min(a, b),
          Math.max(a, b) === Math.min(a, b) ? a + 1 : Math.max(a, b),
        ];
        fc.pre(Number.isSafeInteger(toUs));
        const [width, expected] = [BigInt(widthUs), [fromUs]];
        for (let us = (BigInt(fromUs) / width - 1n) * width; us < toUs; us += width)
          if (us > fromUs) expected.push(Number(us));
        expected.push(toUs);
        expect([...bucketEdges({ fromUs, toUs, widthUs, maxBuckets: 20_000 })]).toEqual(expected);
      }),
      { examples: [[[-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 1e12 + 1]]] },
    );
  });

  it("refuses a billion buckets at once, empty windows and odd widths", () => {
    const good = { fromUs: 0, toUs: 1e15, widthUs: 1, maxBuckets: 10_000 };
    for (const [change, reason] of [
      [{}, "too_many_buckets"],
      [{ toUs: 0 }, "empty_window"],
      [{ toUs: Number.NaN }, "empty_window"],
      [{ fromUs: 0.5 }, "empty_window"],
      [{ widthUs: 0 }, "bad_width"],
      [{ widthUs: -5 }, "bad_width"],
      [{ widthUs: 1.5 }, "bad_width"],
      [{ widthUs: Number.POSITIVE_INFINITY }, "bad_width"],
    ] as const) {
      expect(() => bucketEdges({ ...good, ...change })).toThrow(
        expect.objectContaining({ reason }),
      );
    }
  });
});

describe("slotEdges", () => {
  it("begins and ends where the longest window does", () => {
    const all = { fromUs: -Number.MAX_SAFE_INTEGER, toUs: Number.MAX_SAFE_INTEGER };
    for (const window of [all, { ...all, toUs: 1_796_069_979_979_598 }])
      for (const points of [1, 2, 7, 1_000]) {
        const edgesUs = slotEdges({ ...window, points, maxBuckets: 1_000 });
        expect([edgesUs[0], edgesUs.at(-1), edgesUs.length]).toEqual([
          window.fromUs,
          window.toUs,
          points + 1,
        ]);
      }
  });

  it("makes as many ascending slots as asked, none more than 1 µs longer than another", () => {
    fc.assert(
      fc.property(anyWindow, fc.integer({ min: 1, max: 3000 }), (window, points) => {
        const edgesUs = slotEdges({ ...window, points, maxBuckets: 3000 });
        const lengths = [...edgesUs].slice(1).map((edgeUs, i) => edgeUs - edgesUs[i]!);
        expect(lengths.length).toBe(Math.min(points, window.toUs - window.fromUs));
        expect([edgesUs[0], edgesUs.at(-1)]).toEqual([window.fromUs, window.toUs]);
        const shortest = lengths.reduce((a, b) => Math.min(a, b));
        expect(shortest).toBeGreaterThanOrEqual(1);
        expect(lengths.reduce((a, b) => Math.max(a, b)) - shortest).toBeLessThanOrEqual(1);
      }),
      { numRuns: 500, examples: [[{ fromUs: 0, toUs: 782_967_549_328_045 }, 1084]] },
    );
    expect(() => slotEdges({ fromUs: 0, toUs: 9, points: 0, maxBuckets: 9 })).toThrow(
      BucketEdgesError,
    );
    expect(() => slotEdges({ fromUs: 0, toUs: 9, points: 8, maxBuckets: 7 })).toThrow(
      BucketEdgesError,
    );
  });
});

describe("roundWidthUs", () => {
  it("never makes more buckets than points, and not needlessly few", () => {
    fc.assert(
      fc.property(anyWindow, fc.integer({ min: 2, max: 2000 }), (window, points) => {
        const widthUs = roundWidthUs({ ...window, points });
        const buckets = bucketEdges({ ...window, widthUs, maxBuckets: points }).length - 1;
        // Neighbouring round widths are at most 2.5 times apart, so half the points are lost at
        // worst to rounding.
        if (widthUs > 1) expect(buckets).toBeGreaterThanOrEqual(Math.floor((points - 1) / 2.5));
      }),
      { numRuns: 1000 },
    );
  });

  it("knows how clocks count", () => {
    const day = 86_400e6;
    const widths = [day / 24, day, 7 * day, 365 * day].map(
      (toUs) => roundWidthUs({ fromUs: 0, toUs, points: 1001 }) / 1e6,
    );
    expect(widths).toEqual([5, 120, 900, 43_200]);
  });
});
