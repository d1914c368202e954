// The paths of a series in a plot: a band from least to greatest value with a line of means, or a
// line of samples with dots. Gaps stay gaps.
import type { View } from "./axis.ts";
import { bucketRuns, type PlotData } from "./plot-data.ts";

export type Scale = {
  readonly x: (timeUs: number) => number;
  readonly y: (value: number) => number;
};

export type ValuePaths = {
  readonly band: Path2D | undefined;
  readonly line: Path2D;
  readonly dots: Path2D | undefined;
};

/** Samples get dots where they are at least so far apart. */
const dotEveryPx = 6;

/** Nothing is drawn after `endUs`. */
export function valuePaths(
  data: PlotData,
  { view, endUs, scale }: { view: View; endUs: number; scale: Scale },
): ValuePaths {
  return data.kind === "buckets"
    ? bucketPaths(data, { view, endUs, scale })
    : samplePaths(data, { view, endUs, scale });
}

type Frame = { view: View; endUs: number; scale: Scale };

function bucketPaths(
  data: PlotData & { kind: "buckets" },
  { view, endUs, scale: { x, y } }: Frame,
): ValuePaths {
  const { grid } = data;
  const band = new Path2D();
  const line = new Path2D();
  const first = Math.max(0, grid.indexOf(view.fromUs) - 1);
  const end = Math.min(grid.length, grid.indexOf(view.toUs) + 2);
  const middle = (i: number) => x(Math.min(endUs, grid.startOf(i) + grid.widthUs / 2));
  for (const run of bucketRuns(data, first, end)) {
    // A bucket alone is as wide as it lasts, so that a single peak is seen.
    if (run.length === 1) {
      const [i] = run as [number];
      const [from, to] = [x(grid.startOf(i)), x(Math.min(endUs, grid.startOf(i + 1)))];
      const [low, high] = [y(grid.min[i]!), y(grid.max[i]!)];
      band.rect(from, high, Math.max(1, to - from), Math.max(1, low - high));
      line.moveTo(from, y(grid.meanOf(i)));
      line.lineTo(Math.max(from + 1, to), y(grid.meanOf(i)));
      continue;
    }
    run.forEach((i, at) => {
      if (at === 0) {
        band.moveTo(middle(i), y(grid.max[i]!));
        line.moveTo(middle(i), y(grid.meanOf(i)));
      } else {
        band.lineTo(middle(i), y(grid.max[i]!));
        line.lineTo(middle(i), y(grid.meanOf(i)));
      }
    });
    for (const i of run.toReversed()) band.lineTo(middle(i), y(grid.min[i]!));
    band.closePath();
  }
  return { band, line, dots: undefined };
}

function samplePaths(
  { run, maxGapUs, stepped }: PlotData & { kind: "samples" },
  { view, endUs, scale: { x, y } }: Frame,
): ValuePaths {
  const line = new Path2D();
  const dots = new Path2D();
  const { timesUs, values } = run;
  const first = Math.max(0, run.indexFrom(view.fromUs) - 1);
  const end = Math.min(values.length, run.indexFrom(Math.min(view.toUs, endUs)) + 1);
  const spanPx = x(view.toUs) - x(view.fromUs);
  const withDots = (end - first) * dotEveryPx <= spanPx;
  for (let i = first; i < end; i++) {
    const timeUs = timesUs[i]!;
    const [px, py] = [x(timeUs), y(values[i]!)];
    const isJoined = i > first && timeUs - timesUs[i - 1]! <= maxGapUs;
    if (!isJoined) {
      // A held value ends where its gap may end.
      if (stepped && i > first) line.lineTo(x(timesUs[i - 1]! + maxGapUs), y(values[i - 1]!));
      line.moveTo(px, py);
      const isAlone = i + 1 >= end || timesUs[i + 1]! - timeUs > maxGapUs;
      if (isAlone && !withDots) line.lineTo(px + 1, py);
    } else {
      if (stepped) line.lineTo(px, y(values[i - 1]!));
      line.lineTo(px, py);
    }
    if (withDots) {
      dots.moveTo(px + 2.2, py);
      dots.arc(px, py, 2.2, 0, 2 * Math.PI);
    }
  }
  if (stepped && end > first && end === values.length) {
    const heldUs = Math.min(endUs, timesUs[end - 1]! + maxGapUs);
    line.lineTo(x(heldUs), y(values[end - 1]!));
  }
  return { band: undefined, line, dots: withDots ? dots : undefined };
}
