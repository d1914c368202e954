// The history's blocks of some series as pieces, in order of their first sample. Headers first, payloads a page at a time.
import { decodeBlock } from "../../block/decode.ts";
import { decodeCommitRuns } from "../history/commit-runs.ts";
import type { Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { type BlockHeader, readBlockHeaders, readPayloads } from "../store/history.ts";
import { clamp } from "./log-pieces.ts";
import type { Piece, PieceGroup } from "./sweep.ts";

export type BlockPieceRange = { series: readonly Series[]; fromUs: number; toUs: number; watermark: number };

// Some 250,000 samples: a slice of them is a message of 2 MB at most.
const maxPayloadBytes = 256 * 1024;

export async function* blockPieces(
  database: Database,
  { series, fromUs, toUs, watermark }: BlockPieceRange,
  { maxHeaders, withRevisions, signal }: { maxHeaders: number; withRevisions: boolean; signal: AbortSignal },
): AsyncGenerator<PieceGroup, void, undefined> {
  if (watermark === 0) return;
  const range = { seriesIds: series.map(({ id }) => id), fromUs: clamp(fromUs), toUs: clamp(toUs), watermark };
  let after: { firstUs: number; blockId: number } | undefined;
  for (;;) {
    const headers = await readBlockHeaders(database, range, { after, limit: maxHeaders, signal });
    const more = headers.length === maxHeaders;
    for (let start = 0; start < headers.length; ) {
      let end = start;
      for (
        let bytes = 0;
        end < headers.length && (end === start || bytes + headers[end]!.bytes <= maxPayloadBytes);
        end++
      ) {
        bytes += headers[end]!.bytes;
      }
      const pieces = await loadPieces(database, headers.slice(start, end), { series, withRevisions, signal });
      start = end;
      const next = headers[end] ?? (more ? headers.at(-1) : undefined);
      yield { pieces, nextFirstUs: next?.summary.firstUs ?? Number.POSITIVE_INFINITY };
    }
    const last = headers.at(-1);
    if (!more || last === undefined) return;
    after = { firstUs: last.summary.firstUs, blockId: last.blockId };
  }
}

/** Blocks decoded, in the order given. Everything in the log is newer, so their rank is 0. */
export async function loadPieces(
  database: Database,
  headers: readonly BlockHeader[],
  {
    series,
    withRevisions,
    signal,
  }: { series: readonly Series[]; withRevisions: boolean; signal: AbortSignal | undefined },
): Promise<Piece[]> {
  const byId = new Map(series.map((item) => [item.id, item]));
  const payloads = await readPayloads(database, headers, { withCommits: withRevisions, signal });
  return headers.map(({ blockId, seriesId, summary }) => {
    const { payload, commits } = payloads.get(blockId)!;
    const revisions = commits === undefined ? undefined : decodeCommitRuns(commits, summary.count);
    return { series: byId.get(seriesId)!, rank: 0, column: decodeBlock(payload), revisions };
  });
}
