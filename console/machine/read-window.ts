// Reads a window of a machine: samples or buckets of its numeric signals, states, error reports.
// The cursor is that of the samples; whatever was committed after it comes by the feed, and what
// the other answers have of that already is recognised.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { readRange } from "../../client/read.ts";
import { toDuration, toDurationUs, toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import type { Interval, StateShares } from "../chart/lanes.ts";
import type { PlotData } from "../chart/plot-data.ts";
import { SampleRun } from "../chart/sample-run.ts";
import { SeriesGrid } from "../chart/series-grid.ts";
import type { BandData } from "../chart/state-band.tsx";
import type { ErrorNow } from "../live/messages.ts";
import type { NumericSignal } from "./numeric-signals.ts";
import type { WindowPlan } from "./plan.ts";
import { maxReports } from "./report-list.ts";
import { toInterval } from "./state-history.ts";

export type WindowAnswer = {
  readonly plan: WindowPlan;
  readonly cursor: string;
  /** By name of the signal. */
  readonly series: ReadonlyMap<string, PlotData>;
  readonly band: BandData;
  readonly reports: readonly ErrorNow[];
  /** There are more reports than these. */
  readonly reportsCut: boolean;
};

export type ReadWindowOptions = {
  client: Client<typeof SignalService>;
  machine: string;
  signals: readonly NumericSignal[];
  plan: WindowPlan;
  /** Whether samples are read one by one. */
  raw: boolean;
  abort: AbortSignal;
};

/** More intervals than these are shown as shares. */
const maxIntervals = 5_000;

export async function readWindow(options: ReadWindowOptions): Promise<WindowAnswer> {
  const { series, cursor } = options.raw ? await readSamples(options) : await readBuckets(options);
  const [band, { reports, cut }] = await Promise.all([
    readBand(options, cursor),
    readReports(options, cursor),
  ]);
  return { plan: options.plan, cursor, series, band, reports, reportsCut: cut };
}

type Series = { series: Map<string, PlotData>; cursor: string };

const dataOf = (signal: NumericSignal, run: SampleRun): PlotData => ({
  kind: "samples",
  run,
  maxGapUs: signal.maxGapUs,
  stepped: signal.stepped,
});

async function readSamples(options: ReadWindowOptions): Promise<Series> {
  const { client, machine, signals, plan, abort } = options;
  const series = new Map(
    signals.map((signal) => [signal.name, dataOf(signal, new SampleRun())] as const),
  );
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
      const data = series.get(signal);
      if (data?.kind === "samples") data.run.add(column.timesUs, column.values);
    }
  }
  return { series, cursor };
}

async function readBuckets(options: ReadWindowOptions): Promise<Series> {
  const { client, machine, signals, plan, abort } = options;
  const series = new Map(
    signals.map(({ name, maxGapUs }) => [
      name,
      { kind: "buckets", grid: new SeriesGrid(plan), maxGapUs } satisfies PlotData,
    ]),
  );
  if (signals.length === 0) {
    const { cursor } = await client.getLatest(
      { machines: [machine], pageSize: 1 },
      { signal: abort },
    );
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
      { signal: abort },
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

async function readBand(
  { client, machine, plan, abort }: ReadWindowOptions,
  minCursor: string,
): Promise<BandData> {
  const window = {
    machines: [machine],
    startTime: toTimestamp(plan.fromUs),
    endTime: toTimestamp(plan.toUs),
    minCursor,
  };
  const page = await client.listStateIntervals(
    { ...window, pageSize: maxIntervals },
    { signal: abort },
  );
  if (page.nextPageToken === "")
    return { kind: "intervals", intervals: page.intervals.map(toInterval) satisfies Interval[] };
  const { machines } = await client.aggregateStates(
    { ...window, resolution: { case: "width", value: toDuration(plan.widthUs) } },
    { signal: abort },
  );
  const shares = (machines[0]?.buckets ?? []).map(
    ({ startTime, endTime, states }): StateShares => ({
      fromUs: toTimeUs(startTime)!,
      toUs: toTimeUs(endTime)!,
      timeUs: new Map(states.map(({ state, time }) => [state, time ? toDurationUs(time) : 0])),
    }),
  );
  return { kind: "shares", shares };
}

async function readReports(
  { client, machine, plan, abort }: ReadWindowOptions,
  minCursor: string,
): Promise<{ reports: ErrorNow[]; cut: boolean }> {
  const reports: ErrorNow[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.querySignals(
      {
        signal: "error",
        machines: [machine],
        startTime: toTimestamp(plan.fromUs),
        endTime: toTimestamp(plan.toUs),
        pageSize: 10_000,
        pageToken,
        minCursor,
      },
      { signal: abort },
    );
    for (const { time, record } of page.signals) {
      if (record.case !== "errorReport") continue;
      const { severity, code, message } = record.value;
      reports.push({ timeUs: toTimeUs(time)!, severity, code, message });
    }
    pageToken = page.nextPageToken;
    if (pageToken === "" || reports.length >= maxReports) return { reports, cut: pageToken !== "" };
  }
}
