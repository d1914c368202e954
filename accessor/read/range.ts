// A range of any length as slices of columns in order of time: samples swept together, states and
// errors beside them.
import { type Batch, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { Series } from "../store/series.ts";
import type { Reads } from "./answer-revision.ts";
import { BatchesByMachine } from "./batches-by-machine.ts";
import { cutSlice } from "./cut-slice.ts";
import { EventStreams } from "./event-stream.ts";
import { prefetch } from "./prefetch.ts";
import { seriesPieces } from "./series-pieces.ts";
import { type Slice, splitSlice, sweep } from "./sweep.ts";

export type RangeQuery = {
  series: readonly Series[];
  fromUs: number;
  toUs: number;
  revision: number;
};

// At least a quarter of a megabyte a message, so that the overhead per message is negligible; the
// first portions are small (see block-pieces.ts), and are sent as they are.
const samplesPerSlice = 32_768;
// Together with its states and errors (see event-stream.ts), a slice stays below the limit of a
// message. All samples of one series that are loaded at once fit if it has one a second or more
// (see cut-slice.ts and block-pieces.ts).
const maxSliceBytes = 1_800 * 1024;

/** Batches of each slice, ascending by machine. */
export async function* readRange(
  reads: Reads,
  query: RangeQuery,
  abort: AbortSignal,
): AsyncGenerator<Batch[], void, undefined> {
  const { fromUs, toUs } = query;
  const events = new EventStreams(reads, query);
  const series = query.series.filter(({ kind }) => kind === SignalKind.NUMERIC);
  if (series.length > 0) {
    const options = { maxSamples: Number.POSITIVE_INFINITY, withRevisions: false, abort };
    const sources = await seriesPieces(reads, { ...query, series }, options);
    const { sampleBudget: budget } = reads.database;
    for await (const slice of sweep(sources.map(prefetch), {
      fromUs,
      toUs,
      minSamples: samplesPerSlice,
      budget,
    }))
      for (const part of cutSlice(slice, maxSliceBytes)) yield* besideEvents(part, events, abort);
  }
  yield* events.before(Number.POSITIVE_INFINITY, abort);
}

/** A slice with its events; cut if there are too many of them for one message. */
async function* besideEvents(
  slice: Slice,
  events: EventStreams,
  abort: AbortSignal,
): AsyncGenerator<Batch[], void, undefined> {
  for (let rest: Slice | undefined = slice; rest !== undefined; ) {
    abort.throwIfAborted();
    const boundUs = Math.min(slice.toUs, await events.reach());
    const [part, later] = splitSlice(rest, boundUs);
    const batches = new BatchesByMachine();
    batches.addSamples(part);
    events.takeBefore(boundUs, batches);
    if (boundUs < slice.toUs) events.takeHeld(boundUs, batches);
    const list = batches.list();
    if (list.length > 0) yield list;
    rest = boundUs < slice.toUs ? later : undefined;
  }
}
