// The whole history of a machine, for the overview: where it begins, and its main signal.
import { toDuration, toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import type { View } from "../chart/axis.ts";
import { bucketWidth } from "../chart/bucket-width.ts";
import { SeriesGrid } from "../chart/series-grid.ts";
import type { Clients } from "../contract/clients.ts";

export type History = { readonly span: View; readonly grid: SeriesGrid | undefined };

export type ReadHistoryOptions = {
  machine: string;
  /** The numeric signal that the overview shows; undefined: none. */
  signal: string | undefined;
  nowUs: number;
  abort: AbortSignal;
};

/** About so many buckets. */
const points = 400;
/** A history that has just begun is shown as if it were so long. */
const leastSpanUs = 60e6;

export async function readHistory(
  { signals: client }: Clients,
  { machine, signal, nowUs, abort }: ReadHistoryOptions,
): Promise<History> {
  const options = { signal: abort };
  const oldest = await Promise.all(
    [signal, "state", "error"].map(async (name) => {
      if (name === undefined) return undefined;
      const request = { signal: name, machines: [machine], pageSize: 1 };
      // A signal that no machine has sent yet is unknown.
      const page = await client.querySignals(request, options).catch(() => undefined);
      return toTimeUs(page?.signals[0]?.time);
    }),
  );
  abort.throwIfAborted();
  let firstUs = nowUs - leastSpanUs;
  for (const timeUs of oldest) if (timeUs !== undefined && timeUs < firstUs) firstUs = timeUs;
  const view = { fromUs: firstUs, toUs: nowUs };
  const widthUs = bucketWidth(view, { widthPx: points * 1.5, series: 1 });
  const span = {
    fromUs: Math.floor(firstUs / widthUs) * widthUs,
    toUs: Math.ceil(nowUs / widthUs) * widthUs,
  };
  if (signal === undefined) return { span, grid: undefined };
  const grid = new SeriesGrid({ ...span, widthUs });
  const { series } = await client.aggregateSamples(
    {
      machines: [machine],
      signals: [signal],
      startTime: toTimestamp(span.fromUs),
      endTime: toTimestamp(span.toUs),
      resolution: { case: "width", value: toDuration(widthUs) },
    },
    options,
  );
  for (const { startTime, count, mean = 0, min = 0, max = 0 } of series[0]?.buckets ?? [])
    grid.put(toTimeUs(startTime)!, { count: Number(count), mean, min, max });
  return { span, grid };
}
