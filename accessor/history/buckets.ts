// Buckets over one series, from decoded columns and summaries fed in time order. No I/O;
// independent of their source.

import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import type { Column } from "../../codec/column.ts";
import { lowerBoundFrom } from "../../codec/lower-bound.ts";
import { RunningSum, scaled } from "./compensated-sum.ts";
import { type Between, lineArea, type Sample, scaleSample } from "./line-area.ts";
import { type Extremes, joinExtremes, type Summary, summarize } from "./summary.ts";

/**
 * The samples in `[startUs, endUs)` and the area between them there (`lineArea`). Values of samples
 * are undefined when there are none (`count` 0); a line between samples outside, or a value that
 * holds, may still cover a bucket without samples.
 */
export type Bucket = {
  readonly startUs: number;
  readonly endUs: number;
  readonly count: number;
  readonly sum: number;
  readonly min: number | undefined;
  readonly minUs: number | undefined;
  readonly max: number | undefined;
  readonly maxUs: number | undefined;
  readonly first: number | undefined;
  readonly firstUs: number | undefined;
  readonly last: number | undefined;
  readonly lastUs: number | undefined;
  /** sum / count, between min and max: each sample has the same weight. */
  readonly mean: number | undefined;
  /**
   * integral / covered seconds, within the range of the lines' values: each covered second has the
   * same weight; undefined when nothing is covered, and for a COUNTER.
   */
  readonly timeWeightedMean: number | undefined;
  /** Value·seconds under the lines, cut at the bucket's edges by interpolation; 0 for a COUNTER. */
  readonly integral: number;
  /** The part of the integral that float64 loses, for adding up integrals of buckets. */
  readonly integralLow: number;
  /** How far a COUNTER went up; undefined when nothing is covered, and for other series. */
  readonly increase: number | undefined;
  /** Microseconds for which integral or increase is known; an exact integer. */
  readonly coveredUs: number;
  /** coveredUs / (endUs - startUs), 0 to 1. */
  readonly coverage: number;
};

/**
 * Ascending bucket edges (n + 1 for n buckets), how values continue between samples, and the last
 * sample before the window.
 */
export type BucketOptions = Between & {
  readonly edgesUs: Float64Array;
  /** Last sample before the first edge, if it was not fed as part of a piece. */
  readonly before?: Sample | undefined;
};

/**
 * Takes pieces in time order and computes buckets. Samples before the first edge only determine
 * where the line comes from, samples at or past the last edge where it goes (only the first of them
 * matters); so whole blocks may be fed at both ends. Holds the bucket being filled and the finished
 * ones; keeps no column.
 */
export class BucketAccumulator {
  readonly #edgesUs: Float64Array;
  readonly #between: Between;
  readonly #buckets: Bucket[] = [];
  /** Of the samples in the bucket being filled. */
  #inside: Extremes | undefined;
  #sum = new RunningSum();
  /** Integral of the lines inside and of those that cross that bucket's edges. */
  #integral = new RunningSum();
  #coveredUs = 0;
  /** The range of values of the lines in it. */
  #lowest = Number.POSITIVE_INFINITY;
  #highest = Number.NEGATIVE_INFINITY;
  #previous: Sample | undefined;

  /** Throws RangeError unless there are two edges or more, each later than the one before. */
  constructor(options: BucketOptions) {
    const { edgesUs } = options;
    if (edgesUs.length < 2) throw new RangeError("buckets need at least two edges");
    for (let i = 1; i < edgesUs.length; i++) {
      if (!(edgesUs[i]! > edgesUs[i - 1]!))
        throw new RangeError(`bucket edge ${i} is not later than the one before`);
    }
    this.#edgesUs = edgesUs;
    this.#between = { maxGapUs: options.maxGapUs, sampleType: options.sampleType };
    if (options.before && options.before.timeUs >= edgesUs[0]!)
      throw new RangeError("before lies in the window");
    this.#previous = options.before;
  }

  /**
   * Adds the next samples, which may span any number of buckets. Throws RangeError if they start
   * before the last one fed.
   */
  addColumn(column: Column): void {
    const { timesUs, values } = column;
    if (timesUs.length === 0) return;
    this.#checkOrder(timesUs[0]!);
    let i = lowerBoundFrom(timesUs, this.#edgesUs[0]!, 0);
    if (i > 0) this.#previous = { timeUs: timesUs[i - 1]!, value: values[i - 1]! };
    while (i < timesUs.length) {
      if (!this.#enter({ timeUs: timesUs[i]!, value: values[i]! })) break;
      const end = lowerBoundFrom(timesUs, this.#endUs, i);
      const start = i;
      this.#take(summarize(column, { ...this.#between, start, end }), () =>
        summarize(
          { timesUs: timesUs.subarray(start, end), values: scaled(values, start, end) },
          this.#between,
        ),
      );
      i = end;
    }
  }

  /**
   * Adds the next samples as their summary, computed with the same `Between`. It must lie within
   * one bucket, or outside the window; throws RangeError if not, if it starts before the last
   * sample fed, or if its sum or integral is not finite.
   */
  addSummary(summary: Summary): void {
    if (summary.count === 0) return;
    this.#checkOrder(summary.firstUs);
    const fromUs = this.#edgesUs[0]!;
    if (summary.firstUs < fromUs && summary.lastUs >= fromUs)
      throw new RangeError("summary crosses the first edge");
    if (
      summary.lastUs >= fromUs &&
      this.#enter({ timeUs: summary.firstUs, value: summary.first })
    ) {
      if (summary.lastUs >= this.#endUs)
        throw new RangeError(`summary crosses the edge at ${this.#endUs}`);
      this.#take(summary, () => {
        throw new RangeError("a sum of a summary is not finite: feed its samples");
      });
    }
    this.#previous = { timeUs: summary.lastUs, value: summary.last };
  }

  /**
   * All buckets, in order. `next` is the first sample at or past the last edge, if it was not fed
   * as part of a piece; throws RangeError if it lies in the window. Call it once, at the end.
   */
  finish(next?: Sample): readonly Bucket[] {
    if (next) {
      if (next.timeUs < this.#edgesUs.at(-1)!) throw new RangeError("next lies in the window");
      this.#enter(next);
    }
    while (!this.#full) {
      this.#addLine(undefined);
      this.#close();
    }
    return this.#buckets;
  }

  get #full(): boolean {
    return this.#buckets.length === this.#edgesUs.length - 1;
  }

  get #startUs(): number {
    return this.#edgesUs[this.#buckets.length]!;
  }

  get #endUs(): number {
    return this.#edgesUs[this.#buckets.length + 1]!;
  }

  /**
   * Moves to the sample's bucket and adds the line that leads there, cut where it crosses edges;
   * false if the sample is past the last edge.
   */
  #enter(sample: Sample): boolean {
    while (!this.#full && sample.timeUs >= this.#endUs) {
      this.#addLine(sample);
      this.#close();
    }
    if (this.#full) return false;
    this.#addLine(sample);
    return true;
  }

  /** to: undefined after the last sample. */
  #addLine(to: Sample | undefined): void {
    const from = this.#previous;
    if (from === undefined) return;
    const { value } = from;
    const options = { fromUs: this.#startUs, toUs: this.#endUs, ...this.#between };
    const area = lineArea(from, to, options);
    this.#integral.add(
      area.integral,
      () => lineArea(scaleSample(from), to && scaleSample(to), options).integral.high,
    );
    this.#coveredUs += area.coveredUs;
    if (area.coveredUs === 0) return;
    const other =
      to === undefined || this.#between.sampleType === SampleType.STEP ? value : to.value;
    this.#spread(Math.min(value, other), Math.max(value, other));
  }

  #spread(lowest: number, highest: number): void {
    this.#lowest = Math.min(this.#lowest, lowest);
    this.#highest = Math.max(this.#highest, highest);
  }

  /**
   * scaledPart: the summary's scaled values; computed only if its sum or integral is not finite.
   */
  #take(summary: Summary, scaledPart: () => Pick<Summary, "sum" | "integral">): void {
    this.#sum.add(summary.sum, () => scaledPart().sum.high);
    this.#integral.add(summary.integral, () => scaledPart().integral.high);
    this.#coveredUs += summary.coveredUs;
    this.#spread(summary.min, summary.max);
    this.#inside = this.#inside === undefined ? summary : joinExtremes(this.#inside, summary);
    this.#previous = { timeUs: summary.lastUs, value: summary.last };
  }

  #close(): void {
    const [startUs, endUs, inside, coveredUs] = [
      this.#startUs,
      this.#endUs,
      this.#inside,
      this.#coveredUs,
    ];
    const { high: integral, low: integralLow } = this.#integral.sum;
    const isCounter = this.#between.sampleType === SampleType.COUNTER;
    const mean = isCounter || coveredUs === 0 ? undefined : this.#integral.ratio(1e6, coveredUs);
    this.#buckets.push({
      startUs,
      endUs,
      count: inside?.count ?? 0,
      sum: this.#sum.sum.high,
      min: inside?.min,
      minUs: inside?.minUs,
      max: inside?.max,
      maxUs: inside?.maxUs,
      first: inside?.first,
      firstUs: inside?.firstUs,
      last: inside?.last,
      lastUs: inside?.lastUs,
      mean: inside && between(inside.min, inside.max, this.#sum.ratio(1, inside.count)),
      timeWeightedMean: mean === undefined ? undefined : between(this.#lowest, this.#highest, mean),
      integral: isCounter ? 0 : integral,
      integralLow: isCounter ? 0 : integralLow,
      increase: isCounter && coveredUs > 0 ? integral : undefined,
      coveredUs,
      coverage: coveredUs / (endUs - startUs),
    });
    this.#inside = undefined;
    this.#sum = new RunningSum();
    this.#integral = new RunningSum();
    this.#coveredUs = 0;
    this.#lowest = Number.POSITIVE_INFINITY;
    this.#highest = Number.NEGATIVE_INFINITY;
  }

  #checkOrder(timeUs: number): void {
    const previousUs = this.#previous?.timeUs ?? Number.NEGATIVE_INFINITY;
    if (timeUs < previousUs)
      throw new RangeError(`piece out of order: ${timeUs} comes before ${previousUs}`);
  }
}

/** Keeps a rounded mean within the range of its values. */
const between = (lowest: number, highest: number, mean: number) =>
  Math.max(lowest, Math.min(highest, mean));
