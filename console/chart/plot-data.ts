// What a value plot draws for one series, and the values at a time or in a view.
import type { View } from "./axis.ts";
import type { SampleRun } from "./sample-run.ts";
import type { SeriesGrid } from "./series-grid.ts";

/** Buckets for an overview; samples as soon as they fit. */
export type PlotData =
  | { readonly kind: "buckets"; readonly grid: SeriesGrid; readonly maxGapUs: number }
  | {
      readonly kind: "samples";
      readonly run: SampleRun;
      /** Neighbours that are farther apart are not joined. */
      readonly maxGapUs: number;
      /** Values hold until the next one. */
      readonly stepped: boolean;
    };

/** Least and greatest value in view, as [Infinity, -Infinity] if there is none. */
export function extentInView(data: PlotData, { fromUs, toUs }: View): [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  if (data.kind === "buckets") {
    const { grid } = data;
    const last = Math.min(grid.length - 1, grid.indexOf(toUs));
    for (let i = Math.max(0, grid.indexOf(fromUs)); i <= last; i++) {
      if (grid.count[i] === 0) continue;
      if (grid.min[i]! < least) least = grid.min[i]!;
      if (grid.max[i]! > most) most = grid.max[i]!;
    }
    return [least, most];
  }
  const { timesUs, values } = data.run;
  for (let i = Math.max(0, data.run.indexFrom(fromUs) - 1); i < values.length; i++) {
    const value = values[i]!;
    if (value < least) least = value;
    if (value > most) most = value;
    if (timesUs[i]! > toUs) break;
  }
  return [least, most];
}

export type ValueAt = {
  /** The sample's own time, or the middle of the bucket. */
  readonly timeUs: number;
  readonly value: number;
  /** Of a bucket with more than one sample. */
  readonly min?: number;
  readonly max?: number;
  readonly count: number;
};

/** The value nearest to a time, if it lies within what a gap may be; undefined where none is. */
export function valueAt(data: PlotData, timeUs: number): ValueAt | undefined {
  if (data.kind === "buckets") {
    const { grid } = data;
    const at = grid.indexOf(timeUs);
    const count = grid.count[at] ?? 0;
    if (count === 0) return undefined;
    const middle = grid.startOf(at) + grid.widthUs / 2;
    const value = grid.meanOf(at);
    return { timeUs: middle, value, min: grid.min[at]!, max: grid.max[at]!, count };
  }
  const { run, maxGapUs, stepped } = data;
  const { timesUs, values } = run;
  const next = run.indexFrom(timeUs);
  const before = next - 1;
  const nearer =
    before < 0 ||
    (!stepped && next < values.length && timesUs[next]! - timeUs < timeUs - timesUs[before]!)
      ? next
      : before;
  if (nearer >= values.length || Math.abs(timesUs[nearer]! - timeUs) > maxGapUs) return undefined;
  return { timeUs: timesUs[nearer]!, value: values[nearer]!, count: 1 };
}

/** Runs of buckets without a gap: indexes from `first` to before `end`. */
export function* bucketRuns(
  { grid, maxGapUs }: PlotData & { kind: "buckets" },
  first: number,
  end: number,
): Generator<number[], void, undefined> {
  // Samples that are as far apart as a gap may be leave buckets empty that are narrower.
  const mayMiss = Math.floor(maxGapUs / grid.widthUs);
  let run: number[] = [];
  let missed = 0;
  for (let i = first; i < end; i++) {
    if (grid.count[i] === 0) {
      missed += 1;
      continue;
    }
    if (run.length > 0 && missed > mayMiss) {
      yield run;
      run = [];
    }
    missed = 0;
    run.push(i);
  }
  if (run.length > 0) yield run;
}
