// The series of a comparison: machines on one axis, each also as it was some time before.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { toDuration, toDurationUs, toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import { SeriesGrid } from "../chart/series-grid.ts";

export type CompareSeries = {
  readonly machine: string;
  /** So much earlier than the axis says. */
  readonly shiftUs: number;
  readonly unit: string;
  readonly grid: SeriesGrid;
  readonly maxGapUs: number;
  /** Of the range, as one bucket: undefined if it has no sample. */
  readonly whole: WholeRange | undefined;
};

export type WholeRange = {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** On the axis: moved by the shift. */
  readonly maxUs: number;
  readonly coverage: number;
  /** Value times seconds; 0 for a counter. */
  readonly integral: number;
};

export type CompareRequest = {
  machines: readonly string[];
  signal: string;
  shiftUs: number;
  /** Multiples of widthUs. */
  fromUs: number;
  toUs: number;
  widthUs: number;
  /** The range in view, for the figures. */
  view: { fromUs: number; toUs: number };
  abort: AbortSignal;
};

type Reader = Pick<Client<typeof SignalService>, "aggregateSamples">;

/** The machines in their order; without those that have no such signal. */
export async function readCompared(
  client: Reader,
  request: CompareRequest,
): Promise<CompareSeries[]> {
  const [buckets, whole] = await Promise.all([
    aggregate(client, request, { fromUs: request.fromUs, toUs: request.toUs, points: undefined }),
    aggregate(client, request, { ...request.view, points: 1 }),
  ]);
  const { shiftUs } = request;
  return request.machines.flatMap((machine) => {
    const one = buckets.find((series) => series.machine === machine);
    if (one === undefined) return [];
    const grid = new SeriesGrid(request);
    for (const { startTime, count, mean = 0, min = 0, max = 0 } of one.buckets)
      grid.put(toTimeUs(startTime)! + shiftUs, { count: Number(count), mean, min, max });
    const all = whole.find((series) => series.machine === machine)?.buckets[0];
    return [
      {
        machine,
        shiftUs,
        unit: one.unit,
        grid,
        maxGapUs: one.maxGap === undefined ? 60e6 : toDurationUs(one.maxGap),
        whole:
          all?.mean === undefined
            ? undefined
            : {
                mean: all.timeWeightedMean ?? all.mean,
                min: all.min!,
                max: all.max!,
                maxUs: toTimeUs(all.maxTime)! + shiftUs,
                coverage: all.coverage,
                integral: all.integral,
              },
      },
    ];
  });
}

async function aggregate(
  client: Reader,
  { machines, signal, shiftUs, widthUs, abort }: CompareRequest,
  { fromUs, toUs, points }: { fromUs: number; toUs: number; points: number | undefined },
) {
  const series = [];
  for (let pageToken = ""; ; ) {
    const page = await client.aggregateSamples(
      {
        machines: [...machines],
        signals: [signal],
        startTime: toTimestamp(Math.round(fromUs - shiftUs)),
        endTime: toTimestamp(Math.round(toUs - shiftUs)),
        resolution:
          points === undefined
            ? { case: "width", value: toDuration(widthUs) }
            : { case: "points", value: points },
        pageToken,
      },
      { signal: abort },
    );
    for (const one of page.series) series.push(one);
    pageToken = page.nextPageToken;
    if (pageToken === "") return series;
  }
}
