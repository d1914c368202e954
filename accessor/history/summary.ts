// The summary of a run of samples, a monoid: what blocks keep beside their samples and roll-ups add
// up. No I/O.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../samples/column.ts";
import { sumOf } from "./compensated-sum.ts";
import { type Area, type Between, increase, lineArea } from "./line-area.ts";

/**
 * A run of samples of one series in time order. Without samples (`count` 0) all else means nothing; only
 * `emptySummary` looks so. Where several samples share the extreme, the earliest gives the time.
 */
export type Summary = {
  readonly count: number;
  /** As `sumOf` has it; ±Infinity if it is beyond float64. */
  readonly sum: number;
  readonly min: number;
  readonly minUs: number;
  readonly max: number;
  readonly maxUs: number;
  readonly first: number;
  readonly firstUs: number;
  readonly last: number;
  readonly lastUs: number;
  /**
   * What lies between neighbours (`lineArea`): value·seconds (W gives J: 3.6e6 to the kWh), of a
   * COUNTER its increase. Sums and integrals past ±1.8e308 become ±Infinity or NaN, never an error.
   */
  readonly integral: number;
  /** Microseconds of which that is known; an exact integer. */
  readonly coveredUs: number;
};

/** The identity of `joinSummaries`. */
export const emptySummary: Summary = Object.freeze({
  count: 0,
  sum: 0,
  min: Number.POSITIVE_INFINITY,
  minUs: 0,
  max: Number.NEGATIVE_INFINITY,
  maxUs: 0,
  first: 0,
  firstUs: 0,
  last: 0,
  lastUs: 0,
  integral: 0,
  coveredUs: 0,
});

// Partial sums of this many samples are added up, so that the error grows with n/chunk + chunk, not
// with n: a day at 100 Hz stays within about 1e-12 at the speed of a plain loop.
const chunk = 4096;

/**
 * Summary of the samples `start` (default 0) up to, not including, `end` (default: all). The column
 * is read, not kept.
 */
export function summarize(
  column: Column,
  options: Between & { readonly start?: number; readonly end?: number },
): Summary {
  const { timesUs, values } = column;
  const { maxGapUs, start = 0, end = timesUs.length } = options;
  if (end <= start) return emptySummary;
  const first = values[start]!;
  const firstUs = timesUs[start]!;
  let [min, minUs, max, maxUs] = [first, firstUs, first, firstUs];
  let [last, lastUs, doubleArea, coveredUs] = [first, firstUs, 0, 0];
  for (let i = start + 1; i < end; ) {
    const stop = Math.min(i + chunk, end);
    let chunkArea = 0;
    for (; i < stop; i++) {
      const value = values[i]!;
      const timeUs = timesUs[i]!;
      if (value < min) {
        min = value;
        minUs = timeUs;
      }
      if (value > max) {
        max = value;
        maxUs = timeUs;
      }
      const spanUs = timeUs - lastUs;
      if (spanUs <= maxGapUs) {
        chunkArea += (last + value) * spanUs;
        coveredUs += spanUs;
      }
      last = value;
      lastUs = timeUs;
    }
    doubleArea += chunkArea;
  }
  const count = end - start;
  const sum = sumOf(values, start, end);
  const isLinear = options.sampleType !== SampleType.STEP && options.sampleType !== SampleType.COUNTER;
  const area = isLinear ? { integral: doubleArea / 2e6, coveredUs } : areaBetween(column, { ...options, start, end });
  return { count, sum, min, minUs, max, maxUs, first, firstUs, last, lastUs, ...area };
}

/** What lies between the samples of a STEP or a COUNTER. */
function areaBetween(
  { timesUs, values }: Column,
  { maxGapUs, sampleType, start, end }: Between & { start: number; end: number },
): Area {
  const isStep = sampleType === SampleType.STEP;
  let [integral, coveredUs] = [0, 0];
  for (let i = start + 1; i < end; ) {
    const stop = Math.min(i + chunk, end);
    let part = 0;
    for (; i < stop; i++) {
      const spanUs = timesUs[i]! - timesUs[i - 1]!;
      if (spanUs === 0 || (spanUs > maxGapUs && !isStep)) continue;
      const heldUs = Math.min(spanUs, maxGapUs);
      part += isStep ? values[i - 1]! * heldUs : increase(values[i - 1]!, values[i]!);
      coveredUs += heldUs;
    }
    integral += part;
  }
  return { integral: isStep ? integral / 1e6 : integral, coveredUs };
}

/**
 * Summary of `a`'s samples followed by `b`'s: of any split of a run, joined in any grouping, the
 * same (sums and integrals to float tolerance). What lies between `a`'s last and `b`'s first sample
 * counts by the same options as both were made with. Throws RangeError if `b` starts before `a`
 * ends.
 */
export function joinSummaries(a: Summary, b: Summary, options: Between): Summary {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const bridgeUs = b.firstUs - a.lastUs;
  if (bridgeUs < 0) throw new RangeError(`summaries overlap: ${b.firstUs} comes before ${a.lastUs}`);
  const bridge = lineArea(
    { timeUs: a.lastUs, value: a.last },
    { timeUs: b.firstUs, value: b.first },
    { fromUs: a.lastUs, toUs: b.firstUs, ...options },
  );
  const lower = b.min < a.min ? b : a;
  const upper = b.max > a.max ? b : a;
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    min: lower.min,
    minUs: lower.minUs,
    max: upper.max,
    maxUs: upper.maxUs,
    first: a.first,
    firstUs: a.firstUs,
    last: b.last,
    lastUs: b.lastUs,
    integral: a.integral + b.integral + bridge.integral,
    coveredUs: a.coveredUs + b.coveredUs + bridge.coveredUs,
  };
}
