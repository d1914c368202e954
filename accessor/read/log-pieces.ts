// The log's rows of some series as pieces, in order of their first sample. Reads headers first,
// then payloads a page at a time, so that memory stays small for a range of any length.
import { decodeBlock } from "../../codec/block/decode.ts";
import { nextTurn } from "../../runtime/turns.ts";
import type { Database } from "../store/database.ts";
import {
  type LogHeader,
  readLogHeaders,
  readLogPayloads,
  type WaitingRange,
} from "../store/log-rows.ts";
import type { Series } from "../store/series.ts";
import type { Piece, PieceGroup, Stored } from "./pieces.ts";

export type LogRange = {
  series: readonly Series[];
  /** Rows of commits after this revision … */
  after: number;
  /** … up to and including this one. */
  through: number;
  fromUs: number;
  /** Exclusive. */
  toUs: number;
};

/** For a long range: about 2 MB of payloads are held, and parsed in one turn. */
export const maxLogHeaders = 16_384;
const maxPayloadBytes = 2 * 1024 * 1024;
// Equal values pack to almost nothing: 2 MiB of them would be billions. A range holds twice as many
// while its client does not read.
const maxPieceSamples = 131_072;
// Rows of one sample take about 10 µs each until they are sent, all in one turn.
const maxPieces = 512;

/**
 * maxHeaders: how many rows to look up at once; few for a page, many for a long range.
 * withRevisions: whether each sample's commit is wanted, or needed because some commits are held.
 */
export async function* logPieces(
  database: Database,
  range: LogRange,
  {
    maxHeaders,
    withRevisions,
    abort,
  }: { maxHeaders: number; withRevisions: boolean; abort: AbortSignal },
): AsyncGenerator<PieceGroup, void, undefined> {
  const waiting = { watermark: range.after, through: range.through };
  const byId = new Map(range.series.map((series) => [series.id, series]));
  const seriesIds = [...byId.keys()];
  const options: LoadOptions = {
    byId,
    range: waiting,
    withRevisions,
    abort,
    // One for the whole source: what is released from several groups is loaded again together.
    again: (by) => load(database, by as readonly LogHeader[], options),
  };
  const { fromUs, toUs } = range;
  let after: LogHeader | undefined;
  for (;;) {
    const page = { ...waiting, seriesIds, fromUs, toUs, after, limit: maxHeaders };
    const headers = await readLogHeaders(database, page, { abort });
    const more = headers.length === maxHeaders;
    for (let start = 0; start < headers.length; ) {
      let end = start;
      for (let [bytes, samples] = [0, 0]; end < headers.length; end++) {
        bytes += headers[end]![3];
        samples += headers[end]![4];
        if (
          end > start &&
          (bytes > maxPayloadBytes || samples > maxPieceSamples || end - start >= maxPieces)
        )
          break;
      }
      const pieces = await load(database, headers.slice(start, end), options);
      start = end;
      // After the last header of a full page, further rows may begin at the same time.
      const nextFirstUs =
        headers[end]?.[0] ?? (more ? headers.at(-1)![0] : Number.POSITIVE_INFINITY);
      yield { pieces, nextFirstUs };
    }
    if (!more) return;
    after = headers.at(-1);
  }
}

type LoadOptions = {
  byId: Map<number, Series>;
  range: WaitingRange;
  withRevisions: boolean;
  abort: AbortSignal;
  again: Stored["load"];
};

/** Decoded rows, in the given order. */
async function load(
  database: Database,
  headers: readonly LogHeader[],
  options: LoadOptions,
): Promise<Piece[]> {
  const { byId, range, withRevisions, abort, again } = options;
  database.spend(headers.reduce((sum, [, , , , samples]) => sum + samples, 0));
  const payloads = await readLogPayloads(database, headers, { ...range, abort });
  await nextTurn();
  abort.throwIfAborted();
  return headers.map((header, i) => {
    const [, revision, seriesId] = header;
    const column = decodeBlock(payloads[i]!);
    const revisions = withRevisions
      ? new Float64Array(column.values.length).fill(revision)
      : undefined;
    const late = revision <= range.watermark;
    const stored = { by: header, load: again };
    return { series: byId.get(seriesId)!, rank: revision, column, revisions, late, stored };
  });
}
