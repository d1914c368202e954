// A range of any length with its samples packed. A block of the history is sent as it is stored if
// nothing in the log overlaps it; the rest is merged and packed again.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import type { ReadSignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { decodeBlock } from "../../codec/block/decode.ts";
import { encodeBlock } from "../../codec/block/encode.ts";
import { type Column, sliceColumn } from "../../codec/column.ts";
import { lowerBound } from "../../codec/lower-bound.ts";
import { maxBlockSamples } from "../history/buckets-of-time.ts";
import { clamp } from "../store/binary-arrays.ts";
import { blockHeaders } from "../store/block-headers.ts";
import { type BlockHeader, readPayloads } from "../store/history.ts";
import { layoutAt } from "../store/layout.ts";
import { readFirstPending } from "../store/log-extents.ts";
import type { Series } from "../store/series.ts";
import { readWatermark } from "../store/watermark.ts";
import type { Reads } from "./answer-revision.ts";
import { blockPieces } from "./block-pieces.ts";
import { EventStreams } from "./event-stream.ts";
import { logPieces, maxLogHeaders } from "./log-pieces.ts";
import { mergePieces } from "./pieces.ts";
import { prefetch } from "./prefetch.ts";
import type { RangeQuery } from "./range.ts";
import { sweep } from "./sweep.ts";

type PackedSlice = Pick<MessageInitShape<typeof ReadSignalsResponseSchema>, "batches" | "blocks">;
type PackedBlock = { machine: string; signal: string; unit: string; data: Uint8Array };

const maxMessageBytes = 512 * 1024;
// The most samples that a client unpacks at once: equal values pack to nothing.
const maxMessageSamples = 524_288;
// Names and unit.
const blockBytes = 720;
// An hour fits into one large message; with small messages first, the client decodes while the rest
// is read here.
const firstMessageBytes = 64 * 1024;
const headersPerPage = 2_000;
const everything = { maxHeaders: headersPerPage, maxSamples: Number.POSITIVE_INFINITY };

export async function* readPackedRange(
  reads: Reads,
  query: RangeQuery,
  abort: AbortSignal,
): AsyncGenerator<PackedSlice, void, undefined> {
  const { database } = reads;
  const events = new EventStreams(reads, query);
  const series = query.series.filter(({ kind }) => kind === SignalKind.NUMERIC);
  if (series.length > 0) {
    const watermark = await readWatermark(database, query.revision, { abort });
    const range = { ...query, series, watermark };
    // From the first sample on that is not in the history yet, blocks may have to be merged with
    // the log.
    const pendingUs = await readFirstPending(database, range, abort);
    for await (const { blocks, untilUs } of prefetch(
      readStored(reads, { ...range, pendingUs }, abort),
    )) {
      for await (const batches of events.before(untilUs, abort)) yield { batches, blocks: [] };
      yield { blocks, batches: [] };
    }
    for await (const blocks of repack(reads, { ...range, pendingUs }, abort))
      yield { blocks, batches: [] };
  }
  for await (const batches of events.before(Number.POSITIVE_INFINITY, abort))
    yield { batches, blocks: [] };
}

type PackedRange = RangeQuery & { watermark: number; pendingUs: number };

/**
 * Blocks that end before the first pending sample: sent as they are, except those that the range
 * cuts.
 */
async function* readStored(
  { database }: Reads,
  { series, fromUs, toUs, watermark, pendingUs }: PackedRange,
  abort: AbortSignal,
): AsyncGenerator<{ blocks: PackedBlock[]; untilUs: number }, void, undefined> {
  const byId = new Map(series.map((item) => [item.id, item]));
  const range = { series, fromUs: clamp(fromUs), toUs: clamp(toUs), watermark };
  let messageBytes = firstMessageBytes;
  if (watermark === 0) return;
  for await (const page of blockHeaders(database, range, { limit: headersPerPage, abort })) {
    const headers = page.headers.filter(({ summary }) => summary.lastUs < pendingUs);
    for (let start = 0; start < headers.length; ) {
      let end = start;
      for (const budget = new MessageBudget(messageBytes); end < headers.length; end++) {
        const { summary, bytes } = headers[end]!;
        if (!budget.take({ bytes, samples: summary.count })) break;
      }
      const portion = headers.slice(start, end);
      start = end;
      messageBytes = Math.min(2 * messageBytes, maxMessageBytes);
      const payloads = await readPayloads(database, portion, { withCommits: false, abort });
      const blocks = portion.map((header) =>
        toPacked(
          byId.get(header.seriesId)!,
          cut(header, payloads.get(header.blockId)!.payload, { fromUs, toUs }),
        ),
      );
      yield { blocks, untilUs: portion.at(-1)!.summary.firstUs };
    }
  }
}

/** A payload without the samples outside the range. */
function cut(
  { summary }: BlockHeader,
  payload: Uint8Array,
  { fromUs, toUs }: { fromUs: number; toUs: number },
): Uint8Array {
  if (summary.firstUs >= fromUs && summary.lastUs < toUs) return payload;
  const column = decodeBlock(payload);
  const start = lowerBound(column.timesUs, fromUs);
  const end = lowerBound(column.timesUs, toUs);
  return encodeBlock(sliceColumn(column, start, end));
}

/** The rest: blocks that end after the first pending sample, merged with the log. */
async function* repack(
  { database }: Reads,
  { series, fromUs, toUs, revision, watermark, pendingUs }: PackedRange,
  abort: AbortSignal,
): AsyncGenerator<PackedBlock[], void, undefined> {
  if (pendingUs === Number.POSITIVE_INFINITY) return;
  const { holds } = await layoutAt(database, watermark, { abort });
  const reach = { series, fromUs: Math.max(fromUs, pendingUs), toUs };
  const sources = [
    blockPieces(database, { ...reach, watermark }, { ...everything, withRevisions: holds, abort }),
    logPieces(
      database,
      { ...reach, fromUs, after: watermark, through: revision },
      { maxHeaders: maxLogHeaders, withRevisions: holds, abort },
    ),
  ];
  const options = { fromUs, toUs, minSamples: 65_536, budget: database.sampleBudget };
  for await (const { parts } of sweep(sources.map(prefetch), options)) {
    let blocks: PackedBlock[] = [];
    let budget = new MessageBudget(maxMessageBytes);
    for (const [item, pieces] of parts) {
      for (const { block, samples } of pack(item, mergePieces(pieces))) {
        const needed = { bytes: block.data.byteLength, samples };
        if (!budget.take(needed)) {
          yield blocks;
          blocks = [];
          budget = new MessageBudget(maxMessageBytes);
          budget.take(needed);
        }
        blocks.push(block);
      }
    }
    yield blocks;
  }
}

function* pack(series: Series, column: Column): Generator<{ block: PackedBlock; samples: number }> {
  const { length } = column.timesUs;
  for (let start = 0; start < length; start += maxBlockSamples) {
    const end = Math.min(length, start + maxBlockSamples);
    const part = sliceColumn(column, start, end);
    yield { block: toPacked(series, encodeBlock(part)), samples: end - start };
  }
}

/**
 * The room that is left in a message of blocks, packed and unpacked. A single block always fits: it
 * has at most 8,192 samples.
 */
class MessageBudget {
  #bytes: number;
  #samples = maxMessageSamples;
  #empty = true;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  take({ bytes, samples }: { bytes: number; samples: number }): boolean {
    if (!this.#empty && (this.#bytes < bytes + blockBytes || this.#samples < samples)) return false;
    this.#empty = false;
    this.#bytes -= bytes + blockBytes;
    this.#samples -= samples;
    return true;
  }
}

function toPacked({ machine, signal, unit }: Series, data: Uint8Array): PackedBlock {
  return { machine, signal, unit, data };
}
