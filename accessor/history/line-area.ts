// The area between two neighbouring samples, cut to a window: the area under a line, the area under
// a value that holds, or how far a counter went up. No I/O.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { scale } from "./compensated-sum.ts";
import {
  type DoubleDouble,
  differenceOfTwo,
  dividedBy,
  plus,
  productOfTwo,
  sumOfTwo,
  times,
  zero,
} from "./double-double.ts";

/** One sample. `timeUs` is whole microseconds since the epoch. */
export type Sample = { readonly timeUs: number; readonly value: number };

/** Half-open `[fromUs, toUs)`. */
export type Window = { readonly fromUs: number; readonly toUs: number };

/** How the values of a series continue from one sample to the next. */
export type Between = {
  /** Longest distance that a line bridges; longest time that a value holds. */
  readonly maxGapUs: number;
  /** UNSPECIFIED is LINEAR. */
  readonly sampleType: SampleType;
};

/** As the series declares it. */
export const betweenOf = ({
  maxGapUs,
  sampleType,
}: {
  readonly maxGapUs: number | undefined;
  readonly sampleType: SampleType;
}): Between => ({ maxGapUs: maxGapUs!, sampleType });

/**
 * The result for a stretch between samples: `integral` in value·seconds (W gives J), for a COUNTER
 * its increase; `coveredUs` the microseconds for which that is known (an exact integer).
 */
export type Area = { readonly integral: DoubleDouble; readonly coveredUs: number };

const nothing: Area = Object.freeze({ integral: zero, coveredUs: 0 });

/**
 * The area between `p` and the next sample `q` inside the window. `q` undefined: there is none, so
 * only a STEP continues.
 *
 * - LINEAR: the straight line from `p` to `q`. A pair farther apart than `maxGapUs` has no line.
 * - STEP: `p`'s value holds until `q`, at most for `maxGapUs`.
 * - COUNTER: it goes up evenly from `p` to `q`, by their difference; from 0 if `q` is lower, since
 *   then it was reset. A pair farther apart than `maxGapUs` gives nothing.
 *
 * Samples at the same time have no area between them, except that a COUNTER that is higher in the
 * second went up by the difference at that time: a source that counts faster than its clock ticks
 * loses nothing. Parts that are cut at any instants add up to the whole: `coveredUs` exactly,
 * `integral` to the last bits of a double-double. It is ±Infinity only if it is itself beyond
 * float64.
 */
export function lineArea(p: Sample, q: Sample | undefined, options: Window & Between): Area {
  const area = areaOf(p, q, options);
  if (Number.isFinite(area.integral.high)) return area;
  const { integral, coveredUs } = areaOf(scaleSample(p), q && scaleSample(q), options);
  return { integral: { high: integral.high / scale, low: 0 }, coveredUs };
}

/** The sample with its value in units of 2^64, in which no integral overflows. */
export const scaleSample = ({ timeUs, value }: Sample): Sample => ({
  timeUs,
  value: value * scale,
});

function areaOf(
  p: Sample,
  q: Sample | undefined,
  { fromUs, toUs, maxGapUs, sampleType }: Window & Between,
): Area {
  const isStep = sampleType === SampleType.STEP;
  const spanUs = q === undefined ? Number.POSITIVE_INFINITY : q.timeUs - p.timeUs;
  if (spanUs > maxGapUs && !isStep) return nothing;
  if (spanUs === 0 && sampleType === SampleType.COUNTER)
    return p.timeUs < fromUs || p.timeUs >= toUs
      ? nothing
      : { integral: jump(p.value, q!.value), coveredUs: 0 };
  const startUs = Math.max(p.timeUs, fromUs);
  const endUs = Math.min(p.timeUs + Math.min(spanUs, maxGapUs), toUs);
  if (endUs <= startUs) return nothing;
  const coveredUs = endUs - startUs;
  if (isStep) return { integral: dividedBy(productOfTwo(p.value, coveredUs), 1e6), coveredUs };
  if (sampleType === SampleType.COUNTER)
    return {
      integral: dividedBy(times(increase(p.value, q!.value), coveredUs), spanUs),
      coveredUs,
    };
  if (coveredUs === spanUs)
    return { integral: dividedBy(times(sumOfTwo(p.value, q!.value), spanUs), 2e6), coveredUs };
  // A line's integral is its value half way along the part, times the part's length. Weights that
  // are whole numbers keep it exact, offsets from p the half microsecond (times are 2^51 µs today).
  const toWeight = startUs - p.timeUs + (endUs - p.timeUs);
  const halfWay = plus(
    productOfTwo(p.value, 2 * spanUs - toWeight),
    productOfTwo(q!.value, toWeight),
  );
  return { integral: dividedBy(times(halfWay, coveredUs), 2e6 * spanUs), coveredUs };
}

/** How far a counter went up between two values at the same time; a lower one is not a reset. */
export const jump = (before: number, after: number): DoubleDouble =>
  after > before ? differenceOfTwo(after, before) : zero;

/**
 * How far a counter went up from one value to the next; if it is lower than before, it began at 0
 * again.
 */
export const increase = (before: number, after: number): DoubleDouble =>
  after >= before ? differenceOfTwo(after, before) : { high: Math.max(after, 0), low: 0 };
