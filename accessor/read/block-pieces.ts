// The history's blocks of some series as pieces, in order of their first sample. Reads headers
// first, then payloads a page at a time.

import { decodeBlockInto } from "../../codec/block/decode.ts";
import { newColumn, sliceColumn } from "../../codec/column.ts";
import { nextTurn } from "../../runtime/turns.ts";
import { decodeCommitRuns } from "../history/commit-runs.ts";
import { clamp } from "../store/binary-arrays.ts";
import { blockHeaders } from "../store/block-headers.ts";
import type { Database } from "../store/database.ts";
import { type BlockHeader, readPayloads } from "../store/history.ts";
import type { Series } from "../store/series.ts";
import type { Piece, PieceGroup, Stored } from "./pieces.ts";

export type BlockPieceRange = {
  series: readonly Series[];
  fromUs: number;
  toUs: number;
  watermark: number;
};

// A slice of this many samples is a message of at most 2 MB, and a range holds twice as many while
// its client does not read. Equal values pack to almost nothing, so a bound on bytes alone would
// not suffice.
const maxPortion: Portion = { bytes: 256 * 1024, samples: 131_072 };
// Blocks of one sample take about 10 µs each until they are sent, all in one turn.
const maxPieces = 512;
// A stream begins with small messages: decoding and sending one part of an hour then overlaps with
// reading the next.
const firstPortion: Portion = { bytes: 64 * 1024, samples: 65_536 };

type Portion = { bytes: number; samples: number };

export type BlockPieceOptions = {
  /** About how many headers to look up at once. */
  maxHeaders: number;
  /** About how many samples will be used; undefined: all. */
  maxSamples: number;
  withRevisions: boolean;
  abort: AbortSignal;
};

export async function* blockPieces(
  database: Database,
  { series, fromUs, toUs, watermark }: BlockPieceRange,
  { maxHeaders, maxSamples, withRevisions, abort }: BlockPieceOptions,
): AsyncGenerator<PieceGroup, void, undefined> {
  if (watermark === 0 || series.length === 0) return;
  const range = { series, fromUs: clamp(fromUs), toUs: clamp(toUs), watermark };
  const load = loadOptions(database, { series, withRevisions, abort });
  let most = firstPortion;
  for await (const { headers, nextUs } of blockHeaders(database, range, {
    limit: maxHeaders,
    abort,
  })) {
    for (let start = 0; start < headers.length; ) {
      const end =
        start + portion(headers.slice(start), { series: series.length, maxSamples, most });
      most = twice(most);
      const pieces = await loadPieces(database, headers.slice(start, end), load);
      start = end;
      yield { pieces, nextFirstUs: headers[end]?.summary.firstUs ?? nextUs };
    }
  }
}

/** The same for blocks whose headers are known, in order. */
export async function* headerPieces(
  database: Database,
  headers: readonly BlockHeader[],
  options: OfSeries,
): AsyncGenerator<PieceGroup, void, undefined> {
  const load = loadOptions(database, options);
  for (let start = 0; start < headers.length; ) {
    const next = headers.slice(start, start + 2_000);
    const end =
      start + portion(next, { series: 1, maxSamples: Number.POSITIVE_INFINITY, most: maxPortion });
    const pieces = await loadPieces(database, headers.slice(start, end), load);
    start = end;
    yield { pieces, nextFirstUs: headers[end]?.summary.firstUs ?? Number.POSITIVE_INFINITY };
  }
}

/**
 * How many blocks to load at once: enough for the samples that are wanted, at least one block per
 * series (they begin together), and no more than the bounds above.
 */
function portion(
  headers: readonly BlockHeader[],
  { series, maxSamples, most }: { series: number; maxSamples: number; most: Portion },
): number {
  let [count, bytes, samples] = [0, 0, 0];
  for (const header of headers) {
    if (samples >= maxSamples && count >= series) break;
    bytes += header.bytes;
    samples += header.summary.count;
    if (count > 0 && (bytes > most.bytes || samples > most.samples || count >= maxPieces)) break;
    count++;
  }
  return count;
}

function twice({ bytes, samples }: Portion): Portion {
  return {
    bytes: Math.min(2 * bytes, maxPortion.bytes),
    samples: Math.min(2 * samples, maxPortion.samples),
  };
}

type OfSeries = { series: readonly Series[]; withRevisions: boolean; abort: AbortSignal };
type LoadOptions = Omit<OfSeries, "series"> & {
  byId: ReadonlyMap<number, Series>;
  again: Stored["load"];
};

/** One for the whole source: what is released from several groups is loaded again together. */
function loadOptions(database: Database, { series, withRevisions, abort }: OfSeries): LoadOptions {
  const options: LoadOptions = {
    byId: new Map(series.map((item) => [item.id, item])),
    withRevisions,
    abort,
    again: (by) => loadPieces(database, by as readonly BlockHeader[], options),
  };
  return options;
}

/**
 * Decoded blocks, in the given order. Everything in the log is newer, so the rank of blocks is 0.
 */
async function loadPieces(
  database: Database,
  headers: readonly BlockHeader[],
  { byId, withRevisions, abort, again }: LoadOptions,
): Promise<Piece[]> {
  database.spend(headers.reduce((sum, { summary }) => sum + summary.count, 0));
  const payloads = await readPayloads(database, headers, { withCommits: withRevisions, abort });
  await nextTurn();
  abort.throwIfAborted();
  // All in one pair of arrays, so that neighbours of a series need not be joined later.
  const total = headers.reduce((sum, { summary }) => sum + summary.count, 0);
  const target = newColumn(total);
  let offset = 0;
  return headers.map((header) => {
    const { blockId, seriesId, summary } = header;
    const { count } = summary;
    const { payload, commits } = payloads.get(blockId)!;
    const revisions = commits === undefined ? undefined : decodeCommitRuns(commits, count);
    const end = offset + decodeBlockInto(payload, target, { offset });
    const column = sliceColumn(target, offset, end);
    offset = end;
    return {
      series: byId.get(seriesId)!,
      rank: 0,
      column,
      revisions,
      stored: { by: header, load: again },
    };
  });
}
