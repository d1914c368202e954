// The log's rows of some series as pieces, in order of their first sample. Headers first, payloads
// a page at a time, so that memory stays small however long the range is.
import { decodeBlock } from "../../codec/block/decode.ts";
import { nextTurn } from "../../runtime/turns.ts";
import { clamp, toArray } from "../store/binary-arrays.ts";
import { literalOf, toInt4, toInt8 } from "../store/copy-out.ts";
import type { Database } from "../store/database.ts";
import { waitingAt } from "../store/held.ts";
import type { Series } from "../store/series.ts";
import { passed } from "../store/watermark.ts";
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

type Header = [firstUs: number, revision: number, seriesId: number, bytes: number, samples: number];

/** Of a long range: some 2 MB of them are held, and parsed in one turn. */
export const maxLogHeaders = 16_384;
const maxPayloadBytes = 2 * 1024 * 1024;
// Equal values pack to almost nothing: 2 MiB of them would be billions. A range holds twice as many
// while its reader does not read.
const maxPieceSamples = 131_072;
// Rows of one sample take some 10 µs each until they are sent, all of it in one turn.
const maxPieces = 512;

/**
 * maxHeaders: how many rows to look up at once; few for a page, many for a long range.
 * withRevisions: whether each sample's commit is wanted, or needed since some commits are held.
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
  const of = { watermark: range.after, through: range.through };
  const { empty, pending, suffix } = await waitingAt(
    database,
    of,
    { watermark: "$2::int8", through: "$3::int8" },
    { abort },
  );
  if (empty) return;
  const byId = new Map(range.series.map((series) => [series.id, series]));
  const seriesIds = toArray.int4([...byId.keys()]);
  const options: LoadOptions = {
    ...{ byId, range: of, withRevisions, abort },
    // One for the whole source: what is let go of several groups is loaded again together.
    again: (by) => load(database, by as readonly Header[], options),
  };
  let after: Header = [Number.MIN_SAFE_INTEGER, 0, 0, 0, 0];
  for (;;) {
    const headers = (await database.read(
      `select first_us, revision, series_id, pg_column_size(payload), sample_count from ${pending} log
       where series_id = any($1::int4[]) and last_us >= $4::int8 and first_us < $5::int8 and (first_us, revision, series_id) > ($6::int8, $7::int8, $8::int4)
       order by first_us, revision, series_id limit $9::int4`,
      [
        seriesIds,
        range.after,
        range.through,
        clamp(range.fromUs),
        clamp(range.toUs),
        after[0],
        after[1],
        after[2],
        maxHeaders,
      ],
      { name: `log_headers${suffix}`, abort },
    )) as Header[];
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
      // Past the last header of a full page, rows may begin at the same time.
      const nextFirstUs =
        headers[end]?.[0] ?? (more ? headers.at(-1)![0] : Number.POSITIVE_INFINITY);
      yield { pieces, nextFirstUs };
    }
    if (!more) return;
    after = headers.at(-1)!;
  }
}

type LoadOptions = {
  byId: Map<number, Series>;
  range: { watermark: number; through: number };
  withRevisions: boolean;
  abort: AbortSignal;
  again: Stored["load"];
};

/** Rows decoded, in the order given. */
async function load(
  database: Database,
  headers: readonly Header[],
  options: LoadOptions,
): Promise<Piece[]> {
  const { byId, range, withRevisions, abort, again } = options;
  const literals = { watermark: String(range.watermark), through: String(range.through) };
  const { pending } = await waitingAt(database, range, literals, { abort });
  database.spend(headers.reduce((sum, [, , , , samples]) => sum + samples, 0));
  const rows = await database.copyOut(
    `copy (
       select log.series_id, log.revision, payload
       from unnest(${literalOf(headers.map((header) => header[2]))}::int4[], ${literalOf(headers.map((header) => header[1]))}::int8[]) as wanted(series_id, revision)
       join ${pending} log on log.series_id = wanted.series_id and log.revision = wanted.revision)
     to stdout (format binary)`,
    { abort },
  );
  if (rows.length < headers.length) throw passed();
  await nextTurn();
  abort.throwIfAborted();
  const payloads = new Map(
    rows.map(([seriesId, revision, payload]) => [
      `${toInt4(seriesId)} ${toInt8(revision)}`,
      payload!,
    ]),
  );
  return headers.map((header) => {
    const [, revision, seriesId] = header;
    const column = decodeBlock(payloads.get(`${seriesId} ${revision}`)!);
    const revisions = withRevisions
      ? new Float64Array(column.values.length).fill(revision)
      : undefined;
    const late = revision <= range.watermark;
    const stored = { by: header, load: again };
    return { series: byId.get(seriesId)!, rank: revision, column, revisions, late, stored };
  });
}
