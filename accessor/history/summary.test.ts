// Summaries against brute force: any split, any grouping, any window.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import {
  anyBetween,
  anySamples,
  anyWindow,
  areaOf,
  areaSizeOf,
  baseUs,
  expectClose,
  jumpsOf,
  linear,
  lineHeights,
  sizeOf,
  statsOf,
  sumOf,
  toColumn,
} from "../testing/brute-force.ts";
import { type Between, lineArea, type Sample } from "./line-area.ts";
import { emptySummary, joinSummaries, type Summary, summarize } from "./summary.ts";

function expectSummaryOf(samples: readonly Sample[], actual: Summary, between: Between): void {
  if (samples.length === 0) {
    expect(actual).toEqual(emptySummary);
    return;
  }
  const { sum, integral, coveredUs, ...stats } = actual;
  expect(stats).toEqual(statsOf(samples));
  const window = { fromUs: samples[0]!.timeUs, toUs: samples.at(-1)!.timeUs };
  const area = areaOf(lineHeights(samples, window, between));
  const jumps = jumpsOf(samples, { ...window, toUs: window.toUs + 1 }, between);
  expect(coveredUs).toBe(area.coveredUs);
  expectClose(integral.high, area.integral + jumps, {
    size: areaSizeOf(samples, coveredUs, between),
  });
  expectClose(sum.high, sumOf(samples), { size: sizeOf(samples) * samples.length });
}

/** Joins parts in the grouping that `picks` chooses. */
function joinInAnyGrouping(
  parts: readonly Summary[],
  picks: readonly number[],
  between: Between,
): Summary {
  const rest = [...parts];
  for (let i = 0; rest.length > 1; i++) {
    const at = (picks[i % picks.length] ?? 0) % (rest.length - 1);
    rest.splice(at, 2, joinSummaries(rest[at]!, rest[at + 1]!, between));
  }
  return rest[0] ?? emptySummary;
}

describe("summarize", () => {
  it("equals brute force over any part of a column", () => {
    fc.assert(
      fc.property(anySamples, fc.nat(40), fc.nat(40), anyBetween, (samples, a, b, between) => {
        const [start, end] = [Math.min(a, samples.length), Math.min(b, samples.length)];
        const summary = summarize(toColumn(samples), { ...between, start, end });
        expectSummaryOf(samples.slice(start, end), summary, between);
      }),
      { numRuns: 1000 },
    );
  });

  it("is exact over long runs of whole numbers", () => {
    const count = 20_000;
    const samples = Array.from({ length: count }, (_, i) => ({
      timeUs: baseUs + i * 10,
      value: (i * 7919) % 1000,
    }));
    const summary = summarize(toColumn(samples), linear);
    const doubleArea = samples
      .slice(1)
      .reduce((sum, q, i) => sum + (samples[i]!.value + q.value) * 10, 0);
    expect(summary).toEqual({
      ...statsOf(samples),
      sum: { high: sumOf(samples), low: 0 },
      integral: { high: doubleArea / 2e6, low: expect.any(Number) },
      coveredUs: (count - 1) * 10,
    });
  });

  it("keeps a long sum of tenths within 1e-15", () => {
    const count = 2_000_000;
    const column = {
      timesUs: Float64Array.from({ length: count }, (_, i) => i),
      values: new Float64Array(count).fill(0.1),
    };
    const summary = summarize(column, linear);
    expect(Math.abs(summary.sum.high / (count * 0.1) - 1)).toBeLessThan(1e-15);
    expect(Math.abs(summary.integral.high / ((count - 1) * 1e-7) - 1)).toBeLessThan(1e-15);
  });

  it("keeps extremes bit for bit and the earliest time of equal ones", () => {
    const samples = [0, -0, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE, -0].map(
      (value, i) => ({
        timeUs: i,
        value,
      }),
    );
    const { first, last, max, maxUs, min, minUs } = summarize(toColumn(samples), linear);
    expect({ first, last, max, maxUs, min, minUs }).toEqual({
      first: 0,
      last: -0,
      max: Number.MAX_VALUE,
      maxUs: 2,
      min: -Number.MAX_VALUE,
      minUs: 3,
    });
  });
});

describe("joinSummaries", () => {
  it("gives the summary of the whole, however it was split and grouped", () => {
    fc.assert(
      fc.property(
        anySamples,
        fc.array(fc.nat(40), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        anyBetween,
        (samples, splits, picks, between) => {
          const cuts = [
            0,
            ...splits.map((at) => Math.min(at, samples.length)).sort((a, b) => a - b),
            samples.length,
          ];
          const column = toColumn(samples);
          const parts = cuts
            .slice(1)
            .map((end, i) => summarize(column, { ...between, start: cuts[i]!, end }));
          expectSummaryOf(samples, joinInAnyGrouping(parts, picks, between), between);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("refuses what is not in order", () => {
    const [early, late] = [1, 2].map((timeUs) =>
      summarize(toColumn([{ timeUs, value: 0 }]), linear),
    );
    expect(() => joinSummaries(late!, early!, linear)).toThrow(RangeError);
  });
});

describe("lineArea", () => {
  it("completes the samples inside to the window's area", () => {
    fc.assert(
      fc.property(anySamples, anyWindow, anyBetween, (samples, window, between) => {
        const inside = samples.filter(
          ({ timeUs }) => timeUs >= window.fromUs && timeUs < window.toUs,
        );
        const before = samples.findLast(({ timeUs }) => timeUs < window.fromUs);
        const after = samples.find(({ timeUs }) => timeUs >= window.toUs);
        const options = { ...window, ...between };
        const areas = [
          summarize(toColumn(inside), between),
          ...(before ? [lineArea(before, inside[0] ?? after, options)] : []),
          ...(inside.length > 0 ? [lineArea(inside.at(-1)!, after, options)] : []),
        ];
        const expected = areaOf(lineHeights(samples, window, between));
        expect(areas.reduce((sum, { coveredUs }) => sum + coveredUs, 0)).toBe(expected.coveredUs);
        const size = areaSizeOf(samples, expected.coveredUs, between);
        expectClose(
          areas.reduce((sum, { integral }) => sum + integral.high, 0),
          expected.integral + jumpsOf(samples, window, between),
          { size },
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("takes the part of one line that spans the whole window", () => {
    const [before, after] = [
      { timeUs: 0, value: 0 },
      { timeUs: 10, value: 100 },
    ];
    const area = lineArea(before, after, { fromUs: 2, toUs: 6, ...linear, maxGapUs: 10 });
    expect(area).toEqual({ integral: { high: 160e-6, low: expect.closeTo(0, 19) }, coveredUs: 4 });
    expect(lineArea(before, after, { fromUs: 2, toUs: 6, ...linear, maxGapUs: 9 })).toEqual({
      integral: { high: 0, low: 0 },
      coveredUs: 0,
    });
  });

  it("is nothing between samples of one time", () => {
    const [p, q] = [
      { timeUs: 5, value: 1 },
      { timeUs: 5, value: 2 },
    ];
    for (const sampleType of [SampleType.LINEAR, SampleType.STEP])
      expect(lineArea(p, q, { fromUs: 0, toUs: 10, ...linear, sampleType })).toEqual({
        integral: { high: 0, low: 0 },
        coveredUs: 0,
      });
  });

  it("counts what a counter goes up at once, in the window that has that time, but no reset", () => {
    const options = { fromUs: 0, toUs: 10, maxGapUs: 5, sampleType: SampleType.COUNTER };
    const up = (from: number, to: number, timeUs = 5) =>
      lineArea({ timeUs, value: from }, { timeUs, value: to }, options).integral.high;
    expect([up(11, 12), up(12, 11), up(11, 12, 0), up(11, 12, 10), up(11, 12, -1)]).toEqual([
      1, 0, 1, 0, 0,
    ]);
    const counts = [1, 11, 12, 22].map((value, i) => ({ timeUs: [0, 4, 4, 8][i]!, value }));
    expect(summarize(toColumn(counts), options)).toMatchObject({
      integral: { high: 21 },
      coveredUs: 8,
    });
  });
});
