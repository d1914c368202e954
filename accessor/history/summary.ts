// The summary of a run of samples, a monoid: blocks store it beside their samples, and roll-ups add
// it up. No I/O.
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import { scale, scaled, sumOf } from "./compensated-sum.ts";
import {
  type DoubleDouble,
  dividedBy,
  plus,
  productOfTwo,
  splitter,
  sumOfTwo,
  zero,
} from "./double-double.ts";
import { type Area, type Between, increase, jump, lineArea } from "./line-area.ts";

/**
 * A run of samples of one series in time order. Without samples (`count` 0) all other fields are
 * meaningless; only `emptySummary` has none. If several samples share an extreme, the earliest
 * gives its time.
 */
export type Summary = {
  readonly count: number;
  /** Exact to a rounding of float64, whatever cancels; ±Infinity only if it is beyond float64. */
  readonly sum: DoubleDouble;
  readonly min: number;
  readonly minUs: number;
  readonly max: number;
  readonly maxUs: number;
  readonly first: number;
  readonly firstUs: number;
  readonly last: number;
  readonly lastUs: number;
  /**
   * The area between neighbours (`lineArea`): value·seconds (W gives J: 3.6e6 per kWh), for a
   * COUNTER its increase. As exact as the sum. If one of two joined summaries is not finite, the
   * result is NaN or ±Infinity.
   */
  readonly integral: DoubleDouble;
  /** Microseconds for which that is known; an exact integer. */
  readonly coveredUs: number;
};

/** The fields of a summary that are not sums. */
export type Extremes = Omit<Summary, "sum" | "integral" | "coveredUs">;

/** The identity of `joinSummaries`. */
export const emptySummary: Summary = Object.freeze({
  count: 0,
  sum: zero,
  min: Number.POSITIVE_INFINITY,
  minUs: 0,
  max: Number.NEGATIVE_INFINITY,
  maxUs: 0,
  first: 0,
  firstUs: 0,
  last: 0,
  lastUs: 0,
  integral: zero,
  coveredUs: 0,
});

/**
 * Summary of the samples `start` (default 0) up to, not including, `end` (default: all). The column
 * is read, not kept.
 */
export function summarize(
  column: Column,
  options: Between & { readonly start?: number; readonly end?: number },
): Summary {
  const { timesUs, values } = column;
  const { start = 0, end = timesUs.length } = options;
  if (end <= start) return emptySummary;
  const first = values[start]!;
  const firstUs = timesUs[start]!;
  let [min, minUs, max, maxUs] = [first, firstUs, first, firstUs];
  for (let i = start + 1; i < end; i++) {
    const value = values[i]!;
    if (value < min) {
      min = value;
      minUs = timesUs[i]!;
    }
    if (value > max) {
      max = value;
      maxUs = timesUs[i]!;
    }
  }
  const [last, lastUs] = [values[end - 1]!, timesUs[end - 1]!];
  const sum = sumOf(values, start, end);
  const area = areaBetween(column, { ...options, start, end, cancels: min < 0 && max > 0 });
  return { count: end - start, sum, min, minUs, max, maxUs, first, firstUs, last, lastUs, ...area };
}

/**
 * cancels: areas above and below zero may cancel each other, so that their rounding errors matter.
 */
type Part = Between & { start: number; end: number; cancels: boolean };

/** The area between neighbours. Values are scaled down if the sum overflows in between. */
function areaBetween({ timesUs, values }: Column, part: Part): Area {
  const { sampleType, start, end } = part;
  const areaOf =
    sampleType === SampleType.STEP || sampleType === SampleType.COUNTER
      ? areaOfHeld
      : areaUnderLines;
  const area = areaOf({ timesUs, values }, part);
  if (Number.isFinite(area.integral.high)) return area;
  const small = { timesUs: timesUs.subarray(start, end), values: scaled(values, start, end) };
  const { integral, coveredUs } = areaOf(small, { ...part, start: 0, end: end - start });
  return { integral: { high: integral.high / scale, low: 0 }, coveredUs };
}

/**
 * For a LINEAR: twice the areas, with their errors summed separately. sumOfTwo and productOfTwo are
 * inlined, since compaction spends its time here.
 */
function areaUnderLines(
  { timesUs, values }: Column,
  { maxGapUs, start, end, cancels }: Part,
): Area {
  let sum = 0;
  let low = 0;
  let coveredUs = 0;
  let last = values[start]!;
  let lastUs = timesUs[start]!;
  for (let i = start + 1; i < end; i++) {
    const value = values[i]!;
    const timeUs = timesUs[i]!;
    const spanUs = timeUs - lastUs;
    if (spanUs <= maxGapUs) {
      const pair = last + value;
      const area = pair * spanUs;
      if (cancels) {
        const pairBefore = pair - value;
        const pairLow = last - pairBefore + (value - (pair - pairBefore));
        const pairShift = splitter * pair;
        const spanShift = splitter * spanUs;
        const pairHalf = pairShift - (pairShift - pair);
        const spanHalf = spanShift - (spanShift - spanUs);
        const pairRest = pair - pairHalf;
        const spanRest = spanUs - spanHalf;
        const areaLow =
          pairRest * spanRest -
          (area - pairHalf * spanHalf - pairHalf * spanRest - pairRest * spanHalf);
        low += areaLow + pairLow * spanUs;
      }
      const next = sum + area;
      const before = next - area;
      low += sum - before + (area - (next - before));
      sum = next;
      coveredUs += spanUs;
    }
    last = value;
    lastUs = timeUs;
  }
  return { integral: dividedBy(whole(sum, low), 2e6), coveredUs };
}

/** For a STEP or a COUNTER; the latter's increases never cancel. */
function areaOfHeld(
  { timesUs, values }: Column,
  { maxGapUs, sampleType, start, end, cancels }: Part,
): Area {
  const isStep = sampleType === SampleType.STEP;
  let sum = 0;
  let low = 0;
  let coveredUs = 0;
  for (let i = start + 1; i < end; i++) {
    const spanUs = timesUs[i]! - timesUs[i - 1]!;
    if (spanUs > maxGapUs && !isStep) continue;
    const heldUs = Math.min(spanUs, maxGapUs);
    const part = isStep ? values[i - 1]! * heldUs : goUp(spanUs === 0, values[i - 1]!, values[i]!);
    if (isStep && cancels) low += productOfTwo(values[i - 1]!, heldUs).low;
    const next = sum + part;
    const before = next - part;
    low += sum - before + (part - (next - before));
    sum = next;
    coveredUs += heldUs;
  }
  return { integral: isStep ? dividedBy(whole(sum, low), 1e6) : whole(sum, low), coveredUs };
}

const goUp = (atOnce: boolean, before: number, after: number) =>
  (atOnce ? jump : increase)(before, after).high;

/**
 * Not finite if the sum is not: an overflow in between turns the errors into Infinity - Infinity.
 */
const whole = (sum: number, low: number): DoubleDouble =>
  Number.isFinite(sum + low) ? sumOfTwo(sum, low) : { high: Number.NaN, low: 0 };

/**
 * Summary of `a`'s samples followed by `b`'s: any split of a run, joined in any grouping, gives the
 * same (sums and integrals to float64's last bit). The area between `a`'s last and `b`'s first
 * sample is computed with `options`, which must be those that both were made with. Throws
 * RangeError if `b` starts before `a` ends.
 */
export function joinSummaries(a: Summary, b: Summary, options: Between): Summary {
  if (a.count === 0) return b;
  if (b.count === 0) return a;
  const bridgeUs = b.firstUs - a.lastUs;
  if (bridgeUs < 0)
    throw new RangeError(`summaries overlap: ${b.firstUs} comes before ${a.lastUs}`);
  const bridge = lineArea(
    { timeUs: a.lastUs, value: a.last },
    { timeUs: b.firstUs, value: b.first },
    { fromUs: a.lastUs, toUs: b.firstUs + 1, ...options },
  );
  return {
    ...joinExtremes(a, b),
    sum: plus(a.sum, b.sum),
    integral: plus(plus(a.integral, b.integral), bridge.integral),
    coveredUs: a.coveredUs + b.coveredUs + bridge.coveredUs,
  };
}

/** The extremes of `a`'s samples followed by `b`'s; neither may be empty. */
export function joinExtremes(a: Extremes, b: Extremes): Extremes {
  const lower = b.min < a.min ? b : a;
  const upper = b.max > a.max ? b : a;
  return {
    count: a.count + b.count,
    min: lower.min,
    minUs: lower.minUs,
    max: upper.max,
    maxUs: upper.maxUs,
    first: a.first,
    firstUs: a.firstUs,
    last: b.last,
    lastUs: b.lastUs,
  };
}
