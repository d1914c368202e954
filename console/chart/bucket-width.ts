// How wide buckets are for a view: round, and about as wide as a pixel or two.
import type { View } from "./axis.ts";

const ms = 1_000;
const s = 1_000 * ms;
const min = 60 * s;
const h = 60 * min;
const d = 24 * h;
const widths = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((width) => width * ms),
  ...[1, 2, 5, 10, 15, 30].map((width) => width * s),
  ...[1, 2, 5, 10, 15, 30].map((width) => width * min),
  ...[1, 2, 3, 6, 12].map((width) => width * h),
  ...[1, 2, 7, 14, 28, 91].map((width) => width * d),
];

/** The accessor gives at most so many buckets in one answer, of all series. */
const maxBuckets = 90_000;

export type PlanOptions = {
  /** The width of the plot. */
  readonly widthPx: number;
  /** How many series are asked for. */
  readonly series: number;
};

/** The least round width that gives a bucket of at least a pixel and a half. */
export function bucketWidth({ fromUs, toUs }: View, { widthPx, series }: PlanOptions): number {
  const most = Math.min(3_000, maxBuckets / 3 / Math.max(1, series));
  const leastUs = (toUs - fromUs) / Math.max(10, Math.min(widthPx / 1.5, most));
  return widths.find((width) => width >= leastUs) ?? widths.at(-1)!;
}
