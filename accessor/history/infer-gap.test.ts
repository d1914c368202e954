import fc from "fast-check";
import { expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { inferGapUs, inferredGapsUs, learn, maxDistances, unknownRhythm } from "./infer-gap.ts";

const second = 1e6;
const every = (stepUs: number, count: number) =>
  Float64Array.from({ length: count }, (_, i) => i * stepUs);

test("a steady rhythm gets a gap that it never reaches, from two samples on", () => {
  const gaps: [number, number][] = [
    [0.01, 1],
    [0.4, 1],
    [0.5, 2],
    [1, 5],
    [5, 15],
    [10, 30],
    [60, 300],
    [300, 900],
    [900, 2_700],
    [3_600, 10_800],
    [86_400, 86_400],
  ];
  for (const [step, gap] of gaps)
    for (const count of [2, 3, 20]) {
      const rhythm = learn(unknownRhythm, every(step * second, count));
      expect([step, count, inferGapUs(rhythm, 0) / second]).toEqual([step, count, gap]);
    }
  expect(inferGapUs(unknownRhythm, 0)).toBe(second);
  for (const held of [SampleType.STEP, SampleType.COUNTER])
    expect(inferGapUs(learn(unknownRhythm, every(second, 20)), held)).toBe(86_400 * second);
});

test("however samples are cut into batches, the same is learned", () => {
  const times = fc
    .array(fc.integer({ min: 0, max: 1e9 }), { minLength: 1, maxLength: 40 })
    .map((steps) =>
      Float64Array.from(
        steps.map(
          (
            (sum) => (step: number) =>
              (sum += step)
          )(0),
        ),
      ),
    );
  fc.assert(
    fc.property(times, fc.array(fc.nat(40), { maxLength: 8 }), (timesUs, cuts) => {
      const ends = [
        ...cuts.filter((cut) => cut < timesUs.length).sort((a, b) => a - b),
        timesUs.length,
      ];
      let [rhythm, start] = [unknownRhythm, 0];
      for (const end of ends) {
        rhythm = learn(rhythm, timesUs.subarray(start, end));
        start = end;
      }
      const distinct = [...new Set(timesUs)];
      const distances = distinct.slice(1).map((time, i) => time - distinct[i]!);
      expect(rhythm.distancesUs).toEqual(distances.slice(0, maxDistances));
      const gap = inferGapUs(rhythm, 0);
      expect(inferredGapsUs).toContain(gap);
      const sorted = distances.slice(0, maxDistances).sort((a, b) => a - b);
      const covered = sorted.filter((distance) => distance <= gap).length;
      if (gap < inferredGapsUs.at(-1)!) expect(covered * 2).toBeGreaterThanOrEqual(sorted.length);
    }),
  );
});

test("the newest first, one by one or after it in batches, tell their distance", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 1e9 }), { minLength: 2, maxLength: 30 }),
      (times) => {
        const [last, ...older] = times.toSorted((a, b) => b - a);
        const one = learn(unknownRhythm, [last!]);
        const byOne = older.reduce((rhythm, time) => learn(rhythm, [time]), one);
        expect(byOne).toEqual({ distancesUs: [last! - older[0]!], lastUs: last });
        expect(learn(one, older.toReversed())).toEqual(
          learn(
            unknownRhythm,
            times.toSorted((a, b) => a - b),
          ),
        );
      },
    ),
  );
  expect(learn(learn(unknownRhythm, [100]), [50, 200])).toEqual({
    distancesUs: [50, 100],
    lastUs: 200,
  });
});

test("older samples and equal times teach nothing", () => {
  const rhythm = learn(unknownRhythm, [100, 100, 200]);
  expect(rhythm).toEqual({ distancesUs: [100], lastUs: 200 });
  expect(learn(rhythm, [50, 200])).toBe(rhythm);
});
