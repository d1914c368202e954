// The answers of AggregateSamples: buckets.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import {
  type AggregateSamplesRequest,
  AggregateSamplesRequestSchema,
  type AggregateSamplesResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { Bucket as BucketMessage } from "#gen/millrace/v1/summary_pb.ts";
import { toDuration, toTimestamp } from "../../codec/timestamps.ts";
import { Turns } from "../../runtime/turns.ts";
import { Failure } from "../domain/failure.ts";
import type { Bucket } from "../history/buckets.ts";
import { aggregate } from "../read/aggregate.ts";
import type { Reads } from "../read/answer-revision.ts";
import { readWatermark } from "../store/watermark.ts";
import { checkMachines } from "./check-request.ts";
import { maxPageBytes } from "./page-budget.ts";
import { openPage, type Paging } from "./paging.ts";
import { maxBuckets, toEdges, tooManyBuckets } from "./resolution.ts";
import { someAtOnce } from "./some-at-once.ts";
import { headOf, pagedWindow, windowAt } from "./window.ts";

const maxDefaultPoints = 1_000;
const minDefaultPoints = 100;
/** Largest size of a bucket, and of a series' names and unit. */
const sizes = { bucketBytes: 200, rowBytes: 800 };

export type Asking = Paging & { abort: AbortSignal };

export async function aggregateSamples(
  reads: Reads,
  request: AggregateSamplesRequest,
  { kindOf, abort, ...paging }: Asking & { kindOf: (name: string) => Promise<SignalKind> },
): Promise<MessageInitShape<typeof AggregateSamplesResponseSchema>> {
  checkMachines(request.machines);
  const { token, encode } = openPage(AggregateSamplesRequestSchema, request, paging);
  const head = await headOf(reads, request, { token, abort });
  const { revision } = head;
  // Check this only now: the commits that min_cursor waits for may have the signal's first records.
  for (const name of request.signals) {
    if ((await kindOf(name)) === SignalKind.NUMERIC) continue;
    throw new Failure("SIGNAL_NOT_NUMERIC", `"${name}" has no samples to aggregate`, {
      metadata: { signal: name },
    });
  }
  // An open end stays where it was on the first page.
  const window =
    token === undefined ? windowAt(head, request) : pagedWindow(request, token.after.timeUs);
  const all = await reads.catalog.select(request);
  // Machines may be added between pages; the buckets of all pages stay the same.
  const defaultPoints = token?.after.position ?? pointsFor(all.length, sizes);
  const edgesUs = toEdges(request.resolution, { window, defaultPoints });
  const each = Math.max(0, edgesUs.length - 1);
  if (all.length * each > maxBuckets)
    throw tooManyBuckets(
      `${all.length} series with ${each} buckets each exceed the limit of ${maxBuckets} buckets: ask for fewer series or wider buckets`,
    );
  // The number is known before any bucket is computed: all buckets have one size, whatever their
  // content.
  const fitting = Math.max(
    1,
    Math.floor(maxPageBytes / (sizes.rowBytes + each * sizes.bucketBytes)),
  );
  const left = all.slice(all.findIndex(({ id }) => id === token?.after.revision) + 1);
  const series = left.slice(0, Math.min(fitting, request.pageSize || fitting));
  const watermark = await readWatermark(reads.database, revision, { abort });
  const turns = new Turns();
  const answers = await someAtOnce(series, async (item) => {
    const { machine, signal: name, unit, maxGapUs, sampleType } = item;
    const buckets =
      each === 0
        ? []
        : await aggregate(reads.database, { series: item, edgesUs, revision, watermark, abort });
    const declared = {
      unit,
      maxGap: toDuration(maxGapUs!),
      sampleType: sampleType || SampleType.LINEAR,
    };
    return { machine, signal: name, ...declared, buckets: await toMessages(buckets, turns) };
  });
  const last = { timeUs: window.toUs, revision: series.at(-1)?.id ?? 0, position: defaultPoints };
  const more = series.length < left.length;
  return {
    series: answers,
    nextPageToken: more ? encode({ revision, after: last }) : "",
    cursor: reads.cursors.encode(revision),
    endTime: toTimestamp(window.toUs),
  };
}

/**
 * As many points as let every row of buckets fit into one page, if that is enough for a plot; never
 * so many that the buckets exceed the limit.
 */
export function pointsFor(rows: number, { bucketBytes, rowBytes }: typeof sizes): number {
  const fitting = Math.floor((maxPageBytes / Math.max(1, rows) - rowBytes) / bucketBytes);
  const allowed = Math.floor(maxBuckets / Math.max(1, rows)) - 1;
  return Math.max(1, Math.min(allowed, maxDefaultPoints, Math.max(minDefaultPoints, fitting)));
}

const bucketsInARow = 256;

/** Builds complete messages, so that no step is left that would convert all of them at once. */
async function toMessages(buckets: readonly Bucket[], turns: Turns): Promise<BucketMessage[]> {
  const messages: BucketMessage[] = [];
  for (const bucket of buckets) {
    if (messages.length % bucketsInARow === 0) await turns.pause();
    messages.push(toBucket(bucket));
  }
  return messages;
}

/** Does not use create(), which takes as long as everything else together. */
function toBucket(bucket: Bucket): BucketMessage {
  const {
    startUs,
    endUs,
    count,
    min,
    minUs,
    max,
    maxUs,
    mean,
    timeWeightedMean,
    first,
    firstUs,
    last,
    lastUs,
    integral,
    increase,
    coveredUs,
    coverage,
  } = bucket;
  const message: BucketMessage = {
    $typeName: "millrace.v1.Bucket",
    startTime: toTimestamp(startUs),
    endTime: toTimestamp(endUs),
    count: BigInt(count),
    // Turns -0 into 0. The sign of an empty sum depends on how much of it was rolled up.
    integral: integral + 0,
    coverage,
  };
  if (timeWeightedMean !== undefined) message.timeWeightedMean = timeWeightedMean;
  if (increase !== undefined) {
    message.increase = increase;
    message.rate = (increase * 1e6) / coveredUs;
  }
  if (count === 0) return message;
  return {
    ...message,
    min: min!,
    max: max!,
    mean: mean!,
    first: first!,
    last: last!,
    minTime: toTimestamp(minUs!),
    maxTime: toTimestamp(maxUs!),
    firstTime: toTimestamp(firstUs!),
    lastTime: toTimestamp(lastUs!),
  };
}
