// GET /signals/{type}/buckets: samples aggregated by spans of time, as series in JSON and as rows
// in NDJSON and CSV.
import { SampleType, SampleTypeSchema } from "#gen/millrace/v1/signal_pb.ts";
import type { Bucket, SeriesBuckets } from "#gen/millrace/v1/summary_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { timeText } from "../../codec/row/time-text.ts";
import { lazyList } from "../encoding/json-in-turns.ts";
import type { RestAnswer, RestCall, VersionQuery } from "./call.ts";
import { echoRange, fetchPages, toRangeFields } from "./page.ts";
import type { Parameter, ResolvedTime } from "./parameters.ts";
import { toSignals } from "./reads.ts";
import { resolutionOf, type resolutionParameters } from "./resolution.ts";
import { answerTable, type TableRow, toFileName } from "./table.ts";
import { toSeconds } from "./time.ts";

export type BucketQuery = {
  machine: Parameter<string[]>;
  label: Parameter<string[]>;
  from: Parameter<ResolvedTime>;
  to: Parameter<ResolvedTime>;
  min_cursor: Parameter<string>;
} & typeof resolutionParameters;

const bucketColumns = [
  ..."time end_time count min max mean time_weighted_mean first last".split(" "),
  ..."min_time max_time first_time last_time integral coverage increase rate".split(" "),
];

/** The columns of a row of NDJSON and CSV. */
export const bucketRowColumns = ["machine", "signal", "unit", ...bucketColumns, "sample_type"];

function toRequest({ path, query }: RestCall<BucketQuery>) {
  return {
    signals: toSignals(path["type"]!),
    machines: query.machine ?? [],
    labels: query.label ?? [],
    ...toRangeFields(rangeOf(query)),
    ...resolutionOf(query),
    minCursor: query.min_cursor ?? "",
  };
}

const rangeOf = ({ from, to }: RestCall<BucketQuery>["query"]) => ({ from: from?.us, to: to?.us });

export function queryOfSamples(call: RestCall<BucketQuery>): VersionQuery {
  return { case: "aggregateSamples", value: toRequest(call) };
}

export async function aggregateSamples(call: RestCall<BucketQuery>): Promise<RestAnswer> {
  const { query, format, csvSafe, upstream, unary } = call;
  const request = toRequest(call);
  // Reads all pages of the accessor, since the total number of buckets is bounded.
  let end: string | undefined;
  const { cursor, cut, pages } = await fetchPages(async ({ pageToken }) => {
    const { series, endTime, ...rest } = await upstream.signals.aggregateSamples(
      { ...request, pageToken },
      unary,
    );
    end = timeText(endTime);
    return { ...rest, items: series };
  }, undefined);
  const { from, to = end } = echoRange(rangeOf(query));
  if (format === "json") {
    const series: ReturnType<typeof toSeries>[] = [];
    for await (const page of pages) for (const one of page) series.push(toSeries(one));
    return { body: { series, from, to: end, cursor } };
  }
  const machine = query.machine?.length === 1 ? query.machine[0] : undefined;
  const fileName = toFileName([request.signals.join(","), "buckets", machine, from, to]);
  return answerTable(rowsOf(pages), {
    format,
    columns: bucketRowColumns,
    fileName,
    cursor,
    cut,
    safe: csvSafe,
  });
}

const toSeries = ({ machine, signal, unit, maxGap, buckets, sampleType }: SeriesBuckets) => ({
  machine,
  signal,
  unit,
  max_gap_seconds: maxGap && toSeconds(maxGap),
  sample_type: typeWord(sampleType),
  buckets: lazyList(buckets, (bucket) => toBucket(bucket, sampleType)),
});

/** An older accessor does not send the type: for it all signals are LINEAR. */
const typeWord = (type: SampleType) => toWord(SampleTypeSchema, type || SampleType.LINEAR);

/** How many rows are made before any of them is written. */
const rowsAtOnce = 256;

async function* rowsOf(pages: AsyncIterable<SeriesBuckets[]>): AsyncGenerator<TableRow[]> {
  for await (const series of pages) {
    for (const { machine, signal, unit, buckets, sampleType } of series)
      for (let at = 0; at < buckets.length; at += rowsAtOnce)
        yield buckets.slice(at, at + rowsAtOnce).map((bucket) => ({
          machine,
          signal,
          unit,
          ...toBucket(bucket, sampleType),
          sample_type: typeWord(sampleType),
        }));
  }
}

/** An area under a COUNTER has no meaning. */
const toBucket = (bucket: Bucket, sampleType: SampleType) => ({
  time: timeText(bucket.startTime),
  end_time: timeText(bucket.endTime),
  count: Number(bucket.count),
  min: bucket.min,
  max: bucket.max,
  mean: bucket.mean,
  time_weighted_mean: sampleType === SampleType.COUNTER ? undefined : bucket.timeWeightedMean,
  first: bucket.first,
  last: bucket.last,
  min_time: timeText(bucket.minTime),
  max_time: timeText(bucket.maxTime),
  first_time: timeText(bucket.firstTime),
  last_time: timeText(bucket.lastTime),
  integral: sampleType === SampleType.COUNTER ? undefined : bucket.integral,
  coverage: bucket.coverage,
  increase: bucket.increase,
  rate: bucket.rate,
});
