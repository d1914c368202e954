// What lies between two neighbouring samples, cut to a window: the area under a line, the area
// under a value that holds, or how far a counter went up. No I/O.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";

/** One sample. `timeUs` is whole microseconds since the epoch. */
export type Sample = { readonly timeUs: number; readonly value: number };

/** Half-open `[fromUs, toUs)`. */
export type Window = { readonly fromUs: number; readonly toUs: number };

/** How the values of a series go on from one sample to the next. */
export type Between = {
  /** Longest distance that a line bridges; longest time that a value holds. */
  readonly maxGapUs: number;
  /** UNSPECIFIED is LINEAR. */
  readonly sampleType: SampleType;
};

/** As a series declares it. */
export const betweenOf = ({
  maxGapUs,
  sampleType,
}: {
  readonly maxGapUs: number | undefined;
  readonly sampleType: SampleType;
}): Between => ({ maxGapUs: maxGapUs!, sampleType });

/**
 * What a stretch between samples comes to: `integral` in value·seconds (W gives J), of a COUNTER
 * its increase; `coveredUs` the microseconds of which that is known (an exact integer).
 */
export type Area = { readonly integral: number; readonly coveredUs: number };

const nothing: Area = Object.freeze({ integral: 0, coveredUs: 0 });

/**
 * What lies between `p` and the next sample `q` inside the window. `q` undefined: there is none, so
 * only a STEP goes on.
 *
 * - LINEAR: the straight line from `p` to `q`. A pair farther apart than `maxGapUs` is no line.
 * - STEP: `p`'s value holds until `q`, at most for `maxGapUs`.
 * - COUNTER: it goes up evenly from `p` to `q`, by their difference; from 0 where `q` is lower, for
 *   then it was reset. A pair farther apart than `maxGapUs` says nothing.
 *
 * Samples of one time have nothing between them. Cutting at any instants gives parts that add up to
 * the whole: `coveredUs` exactly, `integral` to float tolerance.
 */
export function lineArea(
  p: Sample,
  q: Sample | undefined,
  { fromUs, toUs, maxGapUs, sampleType }: Window & Between,
): Area {
  const isStep = sampleType === SampleType.STEP;
  const spanUs = q === undefined ? Number.POSITIVE_INFINITY : q.timeUs - p.timeUs;
  if (spanUs > maxGapUs && !isStep) return nothing;
  const startUs = Math.max(p.timeUs, fromUs);
  const endUs = Math.min(p.timeUs + Math.min(spanUs, maxGapUs), toUs);
  if (endUs <= startUs) return nothing;
  const coveredUs = endUs - startUs;
  if (isStep) return { integral: (p.value * coveredUs) / 1e6, coveredUs };
  if (sampleType === SampleType.COUNTER)
    return { integral: (increase(p.value, q!.value) * coveredUs) / spanUs, coveredUs };
  // A line's integral is its value half way along the part, times the part's length. Offsets from p
  // keep this exact where absolute times (2^51 µs today) would lose the half microsecond.
  const f = (startUs - p.timeUs + (endUs - p.timeUs)) / 2 / spanUs;
  return { integral: ((p.value * (1 - f) + q!.value * f) * coveredUs) / 1e6, coveredUs };
}

/** How far a counter went up from one value to the next; lower than before, it began at 0 again. */
export const increase = (before: number, after: number): number =>
  after >= before ? after - before : Math.max(after, 0);

/** The samples next to a window's edges, as far as they exist. */
export type EdgeSamples = {
  /** Last sample before `fromUs`. */
  readonly before?: Sample | undefined;
  /** First and last sample inside; both or neither. */
  readonly first?: Sample | undefined;
  readonly last?: Sample | undefined;
  /** First sample at or after `toUs`. */
  readonly after?: Sample | undefined;
};

/**
 * What the two stretches that cross a window's edges come to inside it (one if no sample lies
 * inside). Added to the integral and covered time of the samples inside (`summarize`), it gives
 * those of the window.
 */
export function cutEdges(samples: EdgeSamples, options: Window & Between): Area {
  const { before, first, last, after } = samples;
  if (!first || !last) return before ? lineArea(before, after, options) : nothing;
  const head = before ? lineArea(before, first, options) : nothing;
  const tail = lineArea(last, after, options);
  return { integral: head.integral + tail.integral, coveredUs: head.coveredUs + tail.coveredUs };
}
