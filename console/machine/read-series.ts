// Reads numeric signals of a machine in a window: as buckets, or sample by sample.
import { readRange } from "../../client/read.ts";
import { toDuration, toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import type { PlotData } from "../chart/plot-data.ts";
import { SampleRun } from "../chart/sample-run.ts";
import { SeriesGrid } from "../chart/series-grid.ts";
import type { NumericSignal } from "./numeric-signals.ts";
import type { ReadWindowOptions } from "./window-answer.ts";

/** By name of the signal, true up to the cursor. */
export type ReadSeries = { series: Map<string, PlotData>; cursor: string };

/** Most samples of one series, with room for those that come while the window is watched. */
const maxRun = 120_000;

const dataOf = (signal: NumericSignal): PlotData & { kind: "samples" } => ({
  kind: "samples",
  run: new SampleRun(maxRun),
  maxGapUs: signal.maxGapUs,
  stepped: signal.stepped,
});

/** Undefined: there are too many samples to show one by one. */
export async function readSamples({
  client,
  machine,
  signals,
  plan,
  abort,
}: ReadWindowOptions): Promise<ReadSeries | undefined> {
  if (signals.length === 0) return undefined;
  const series = new Map(signals.map((signal) => [signal.name, dataOf(signal)] as const));
  let cursor = "";
  const slices = readRange({
    client,
    machines: [machine],
    signals: signals.map(({ name }) => name),
    fromUs: plan.fromUs,
    toUs: plan.toUs,
    abort,
  });
  for await (const slice of slices) {
    cursor = slice.cursor;
    for (const { signal, column } of slice.columns) {
      const run = series.get(signal)?.run;
      if (run === undefined) continue;
      if (run.length + column.values.length > maxRun / 2) return undefined;
      run.add(column.timesUs, column.values);
    }
  }
  return { series, cursor };
}

export async function readBuckets({
  client,
  machine,
  signals,
  plan,
  abort,
}: ReadWindowOptions): Promise<ReadSeries> {
  const options = { signal: abort };
  const series = new Map(
    signals.map(({ name, maxGapUs }) => [
      name,
      { kind: "buckets", grid: new SeriesGrid(plan), maxGapUs } satisfies PlotData,
    ]),
  );
  if (signals.length === 0) {
    const { cursor } = await client.getLatest({ machines: [machine], pageSize: 1 }, options);
    return { series, cursor };
  }
  let cursor = "";
  for (let pageToken = ""; ; ) {
    const page = await client.aggregateSamples(
      {
        machines: [machine],
        signals: signals.map(({ name }) => name),
        startTime: toTimestamp(plan.fromUs),
        endTime: toTimestamp(plan.toUs),
        resolution: { case: "width", value: toDuration(plan.widthUs) },
        pageToken,
      },
      options,
    );
    if (cursor === "") cursor = page.cursor;
    for (const { signal, buckets } of page.series) {
      const grid = series.get(signal)?.grid;
      for (const { startTime, count, mean = 0, min = 0, max = 0 } of buckets)
        grid?.put(toTimeUs(startTime)!, { count: Number(count), mean, min, max });
    }
    pageToken = page.nextPageToken;
    if (pageToken === "") return { series, cursor };
  }
}
