// Reads a window of a machine: samples or buckets of its numeric signals, states, error reports.
// The cursor is that of the samples; whatever was committed after it comes by the feed, and what
// the other answers have of that already is recognised.
import { toDuration, toDurationUs, toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import type { Interval, StateShares } from "../chart/lanes.ts";
import type { BandData } from "../chart/state-band.tsx";
import { readReports } from "./read-reports.ts";
import { readBuckets, readSamples } from "./read-series.ts";
import { toInterval } from "./state-history.ts";
import type { ReadWindowOptions, WindowAnswer } from "./window-answer.ts";

/** More intervals than these are shown as shares. */
const maxIntervals = 5_000;

export async function readWindow(options: ReadWindowOptions): Promise<WindowAnswer> {
  const samples = options.raw ? await readSamples(options) : undefined;
  const { series, cursor } = samples ?? (await readBuckets(options));
  const [band, reports] = await Promise.all([
    readBand(options, cursor),
    readReports(options, cursor),
  ]);
  return { plan: options.plan, cursor, series, raw: samples !== undefined, band, ...reports };
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
