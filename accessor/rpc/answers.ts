// The answers of SignalService: buckets, machine summaries, state intervals.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { MachineState, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import {
  type AggregateSamplesRequest,
  type AggregateSamplesResponseSchema,
  type ListStateIntervalsRequest,
  ListStateIntervalsRequestSchema,
  type ListStateIntervalsResponseSchema,
  type SummarizeMachinesRequest,
  type SummarizeMachinesResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { BucketSchema, StateInterval } from "#gen/millrace/v1/summary_pb.ts";
import { toDuration, toDurationUs, toTimestamp } from "../../samples/timestamps.ts";
import { Failure } from "../failure.ts";
import { BucketEdgesError, bucketEdges, roundWidthUs } from "../history/bucket-edges.ts";
import type { Bucket } from "../history/buckets.ts";
import { dayEdges } from "../history/day-edges.ts";
import { aggregate } from "../read/aggregate.ts";
import { answerRevision, type Reads } from "../read/as-of.ts";
import { readIntervals } from "../read/intervals.ts";
import { summarizeMachine } from "../read/machine-summary.ts";
import { readWatermark } from "../store/watermark.ts";
import { checkMachines, toTimeRange, toTimeUs } from "./check-request.ts";
import { decodePageToken, encodePageToken, queryHash, revisionIn, type SeenHistory } from "./page-token.ts";

const maxBucketsPerSeries = 10_000;
const maxBuckets = 100_000;
const defaultPoints = 1_000;

export async function aggregateSamples(
  reads: Reads,
  request: AggregateSamplesRequest,
  { kindOf, signal }: { kindOf: (name: string) => Promise<SignalKind>; signal: AbortSignal },
): Promise<MessageInitShape<typeof AggregateSamplesResponseSchema>> {
  checkMachines(request.machines);
  const revision = await answerRevision(reads, request.minCursor, signal);
  // Only now: what min_cursor waits for may hold the signal's first records.
  for (const name of request.signals) {
    if ((await kindOf(name)) === SignalKind.NUMERIC) continue;
    throw new Failure("SIGNAL_NOT_NUMERIC", `"${name}" has no samples to sum up`, { metadata: { signal: name } });
  }
  const window = closedRange(reads, request);
  const edgesUs = toEdges(request.resolution, window);
  const series = await reads.catalog.select(request);
  if (series.length * (edgesUs.length - 1) > maxBuckets) {
    throw tooManyBuckets(`${series.length} series of ${edgesUs.length - 1} buckets are more than ${maxBuckets} in all`);
  }
  const watermark = await readWatermark(reads.database, revision, { signal });
  const answers = await someAtOnce(series, async (item) => {
    const { machine, signal: name, unit, maxGapUs } = item;
    const buckets = await aggregate(reads.database, { series: item, edgesUs, revision, watermark, signal });
    return { machine, signal: name, unit, maxGap: toDuration(maxGapUs!), buckets: buckets.map(toBucket) };
  });
  return { series: answers, cursor: reads.cursors.encode(revision) };
}

// One call may keep this many of the connections for reads busy.
const atOnce = 3;

async function someAtOnce<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let start = 0; start < items.length; start += atOnce)
    for (const answer of await Promise.all(items.slice(start, start + atOnce).map(ask))) answers.push(answer);
  return answers;
}

function toEdges(
  resolution: AggregateSamplesRequest["resolution"],
  window: { fromUs: number; toUs: number },
): Float64Array {
  try {
    if (resolution.case === "width")
      return bucketEdges({ ...window, widthUs: checkWidth(resolution.value), maxBuckets: maxBucketsPerSeries });
    if (resolution.case === "daysInTimeZone")
      return dayEdges({ ...window, timeZone: resolution.value, maxBuckets: maxBucketsPerSeries });
    const points = resolution.value ?? defaultPoints;
    return bucketEdges({ ...window, widthUs: roundWidthUs({ ...window, points }), maxBuckets: maxBucketsPerSeries });
  } catch (error) {
    if (!(error instanceof BucketEdgesError)) throw error;
    if (error.reason === "too_many_buckets") throw tooManyBuckets(error.message);
    if (error.reason === "unknown_time_zone") {
      throw new Failure("TIME_ZONE_UNKNOWN", error.message, { metadata: { time_zone: String(resolution.value) } });
    }
    throw new Failure("REQUEST_INVALID", error.message, {
      violations: [{ field: "width", description: error.message }],
      metadata: { field: "width" },
    });
  }
}

function checkWidth(width: Duration): number {
  const widthUs = toDurationUs(width);
  if (widthUs >= 1_000) return widthUs;
  throw new BucketEdgesError("bad_width", "width must be at least 1 ms");
}

function tooManyBuckets(message: string): Failure {
  return new Failure("TOO_MANY_BUCKETS", message, { metadata: { max_buckets: String(maxBucketsPerSeries) } });
}

function toBucket(bucket: Bucket): MessageInitShape<typeof BucketSchema> {
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
    coverage,
  } = bucket;
  const message: MessageInitShape<typeof BucketSchema> = {
    startTime: toTimestamp(startUs),
    endTime: toTimestamp(endUs),
    count: BigInt(count),
    integral,
    coverage,
  };
  if (timeWeightedMean !== undefined) message.timeWeightedMean = timeWeightedMean;
  if (count === 0) return message;
  return Object.assign(message, {
    ...{ min, max, mean, first, last },
    minTime: toTimestamp(minUs!),
    maxTime: toTimestamp(maxUs!),
    firstTime: toTimestamp(firstUs!),
    lastTime: toTimestamp(lastUs!),
  });
}

const maxMachines = 1_000;

export async function summarizeMachines(
  reads: Reads,
  request: SummarizeMachinesRequest,
  { signal }: { signal: AbortSignal },
): Promise<MessageInitShape<typeof SummarizeMachinesResponseSchema>> {
  checkMachines(request.machines);
  const revision = await answerRevision(reads, request.minCursor, signal);
  const window = closedRange(reads, request);
  const series = await reads.catalog.select({ machines: request.machines, signals: [] });
  const byMachine = [...Map.groupBy(series, ({ machine }) => machine)].slice(0, maxMachines);
  const watermark = await readWatermark(reads.database, revision, { signal });
  const machines = await someAtOnce(byMachine, ([machine, mine]) => {
    const { machineId } = mine[0]!;
    return summarizeMachine(reads, { machine, machineId, series: mine, ...window, revision, watermark, signal });
  });
  return { machines, cursor: reads.cursors.encode(revision) };
}

/** A window with both ends: an open one ends when the newest record was committed. */
function closedRange({ tail }: Reads, { startTime, endTime }: Pick<SummarizeMachinesRequest, "startTime" | "endTime">) {
  if (endTime !== undefined) return toTimeRange(startTime, endTime);
  const { fromUs } = toTimeRange(startTime, undefined);
  // A window that begins after the newest commit is empty: the smallest one there is stands for it.
  return { fromUs, toUs: Math.max(tail.head.committedUs ?? fromUs, fromUs + 1) };
}

export async function listStateIntervals(
  reads: Reads,
  request: ListStateIntervalsRequest,
  { signal, nowMs, history }: { signal: AbortSignal; nowMs: number; history: SeenHistory },
): Promise<MessageInitShape<typeof ListStateIntervalsResponseSchema>> {
  const { database, catalog, cursors } = reads;
  checkMachines(request.machines);
  const range = toTimeRange(request.startTime, request.endTime);
  const hash = (at: number) => queryHash(ListStateIntervalsRequestSchema, { request, history: history.at(at) });
  const { pageToken } = request;
  const token =
    pageToken === "" ? undefined : decodePageToken(pageToken, { query: hash(revisionIn(pageToken)), nowMs });
  const revision = token?.revision ?? (await answerRevision(reads, request.minCursor, signal));
  const query = hash(revision);
  const limit = request.pageSize || 1_000;
  const states = request.states.filter((state) => state !== MachineState.UNSPECIFIED);
  const series = await catalog.select({ machines: request.machines, signals: ["state"] });
  // A token names the machine at which the page ended (as the revision of its place) and where its last interval began.
  const from = token === undefined ? 0 : series.findIndex(({ machineId }) => machineId === token.after.revision);
  const intervals: StateInterval[] = [];
  let last = { timeUs: 0, revision: 0, position: 0 };
  for (const [i, { machine, machineId }] of series.slice(Math.max(from, 0)).entries()) {
    const afterUs = token !== undefined && i === 0 ? token.after.timeUs : Number.NEGATIVE_INFINITY;
    const wanted = limit + 1 - intervals.length;
    const found = await readIntervals(database, {
      machine,
      machineId,
      ...range,
      revision,
      states,
      afterUs,
      limit: wanted,
    });
    const kept = found.slice(0, limit - intervals.length);
    for (const interval of kept) intervals.push(interval);
    const end = kept.at(-1)?.startTime;
    if (end !== undefined) last = { timeUs: toTimeUs("start_time", end), revision: machineId, position: 0 };
    if (found.length === wanted) {
      return {
        intervals,
        nextPageToken: encodePageToken({ revision, after: last }, { query, nowMs }),
        cursor: cursors.encode(revision),
      };
    }
  }
  return { intervals, nextPageToken: "", cursor: cursors.encode(revision) };
}
