// For tests only: the history's mathematics computed naively, one microsecond at a time, to check
// the real one.
import fc from "fast-check";
import { expect } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import type { Between, Sample, Window } from "../history/line-area.ts";

/** The gap rule of the arbitraries: their distances are below it, above it, and equal to it. */
export const maxGapUs = 20;

/** Straight lines, the most common interpolation. */
export const linear: Between = { maxGapUs, sampleType: SampleType.UNSPECIFIED };

/** Any interpolation between samples. */
export const anyBetween: fc.Arbitrary<Between> = fc
  .constantFrom(SampleType.UNSPECIFIED, SampleType.LINEAR, SampleType.STEP, SampleType.COUNTER)
  .map((sampleType) => ({ maxGapUs, sampleType }));

/** A current time, so that tests have the precision of real times. */
export const baseUs = 1.79e15;

const distance = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 2, arbitrary: fc.integer({ min: maxGapUs - 1, max: maxGapUs + 1 }) },
  { weight: 1, arbitrary: fc.integer({ min: maxGapUs + 2, max: 80 }) },
);
const value = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.constantFrom(0, -0, 5e-324, -2.2e-308),
);

/**
 * Up to 40 samples in time order within about 400 µs, with equal times, repeated values and gaps.
 */
export const anySamples: fc.Arbitrary<Sample[]> = fc
  .array(fc.record({ distance, value }), { maxLength: 40, size: "max" })
  .map((steps) => {
    let timeUs = baseUs;
    return steps.map((step) => {
      timeUs += step.distance;
      return { timeUs, value: step.value };
    });
  });

/** A window of 1 to 250 µs that may lie before, over, within or after the samples. */
export const anyWindow: fc.Arbitrary<Window> = fc
  .record({ offset: fc.integer({ min: -40, max: 300 }), length: fc.integer({ min: 1, max: 250 }) })
  .map(({ offset, length }) => ({ fromUs: baseUs + offset, toUs: baseUs + offset + length }));

/** The samples as a column. */
export function toColumn(samples: readonly Sample[]): Column {
  return {
    timesUs: Float64Array.from(samples, ({ timeUs }) => timeUs),
    values: Float64Array.from(samples, (sample) => sample.value),
  };
}

/**
 * Height of the curve in the middle of each microsecond of the window; undefined where there is
 * none. A step is as high as its sample; the height of a counter is its increase per second.
 */
export function lineHeights(
  samples: readonly Sample[],
  { fromUs, toUs }: Window,
  { sampleType }: Between = linear,
): (number | undefined)[] {
  return Array.from({ length: toUs - fromUs }, (_, i) => {
    const p = samples.findLast(({ timeUs }) => timeUs <= fromUs + i);
    if (sampleType === SampleType.STEP)
      return p !== undefined && fromUs + i < p.timeUs + maxGapUs ? p.value : undefined;
    const q = samples.find(({ timeUs }) => timeUs > fromUs + i);
    if (!p || !q || q.timeUs - p.timeUs > maxGapUs) return undefined;
    if (sampleType === SampleType.COUNTER) {
      const up = q.value < p.value ? (q.value < 0 ? 0 : q.value) : q.value - p.value;
      return (up / (q.timeUs - p.timeUs)) * 1e6;
    }
    const slope = (q.value - p.value) / (q.timeUs - p.timeUs);
    return p.value + slope * (fromUs + i + 0.5 - p.timeUs);
  });
}

/** A counter's sudden increase in the window: between samples of one time. */
export function jumpsOf(
  samples: readonly Sample[],
  { fromUs, toUs }: Window,
  { sampleType }: Between,
): number {
  if (sampleType !== SampleType.COUNTER) return 0;
  const inside = samples.filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs);
  const ups = inside.map((q, i) =>
    inside[i - 1]?.timeUs === q.timeUs ? Math.max(0, q.value - inside[i - 1]!.value) : 0,
  );
  return ups.reduce((sum, up) => sum + up, 0);
}

/** Integral (value·seconds) and covered microseconds of those heights. */
export function areaOf(heights: readonly (number | undefined)[]): {
  integral: number;
  coveredUs: number;
} {
  const covered = heights.filter((height) => height !== undefined);
  return {
    integral: covered.reduce((sum, height) => sum + height, 0) / 1e6,
    coveredUs: covered.length,
  };
}

/** Figures of samples alone, by one search for each answer. */
export function statsOf(samples: readonly Sample[]) {
  const values = samples.map((sample) => sample.value);
  const lowest = samples.find((sample) => values.every((other) => sample.value <= other));
  const highest = samples.find((sample) => values.every((other) => sample.value >= other));
  return {
    count: samples.length,
    min: lowest?.value,
    minUs: lowest?.timeUs,
    max: highest?.value,
    maxUs: highest?.timeUs,
    first: samples[0]?.value,
    firstUs: samples[0]?.timeUs,
    last: samples.at(-1)?.value,
    lastUs: samples.at(-1)?.timeUs,
  };
}

/** Sum of the values. */
export function sumOf(samples: readonly Sample[]): number {
  return samples.reduce((sum, sample) => sum + sample.value, 0);
}

/**
 * Expects two sums to agree to 1e-12 of the largest possible sum of their terms (or to the
 * resolution of float64).
 */
export function expectClose(
  actual: number | undefined,
  expected: number,
  options: { size: number },
): void {
  expect(actual).toBeTypeOf("number");
  expect(Math.abs(actual! - expected)).toBeLessThanOrEqual(options.size * 1e-12 + 1e-300);
}

/** Largest absolute value. */
export function sizeOf(samples: readonly Sample[]): number {
  return samples.reduce((size, sample) => Math.max(size, Math.abs(sample.value)), 0);
}

/**
 * The largest possible sum of the terms of an integral or an increase over this many microseconds.
 */
export function areaSizeOf(
  samples: readonly Sample[],
  coveredUs: number,
  { sampleType }: Between = linear,
): number {
  const size = sizeOf(samples);
  return sampleType === SampleType.COUNTER ? 2 * size * samples.length : (size * coveredUs) / 1e6;
}
