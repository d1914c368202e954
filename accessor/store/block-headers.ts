// Headers of the blocks of many series in order of time, a page at a time. Headers that belong to a
// later page are kept, so that each page queries only the series whose headers are used up: for
// 50,000 series with one block each and one series with thousands, only that one.
import { bucketWidthUs, floorTo } from "../history/buckets-of-time.ts";
import { toArray } from "./binary-arrays.ts";
import { askPart, type BlockPart, blockParts } from "./block-parts.ts";
import type { Database } from "./database.ts";
import {
  type BlockHeader,
  type BlockRange,
  current,
  headerArrays,
  headerColumns,
  inOrder,
  toHeaders,
} from "./history.ts";
import type { Series } from "./series.ts";
import { assertKept, lowestKept } from "./watermark.ts";

/** nextUs: no header of a later page begins before it; infinity if this is the last page. */
export type HeaderPage = { headers: BlockHeader[]; nextUs: number };

type HeaderOptions = {
  /**
   * About how many headers to read at once. At least two of each series are read, and twice as many
   * may be held.
   */
  limit: number;
  abort?: AbortSignal | undefined;
};

// An answer of this many headers takes about 10 ms to read, all in one turn.
const maxHeadersAtOnce = 4_096;

/** Headers of blocks that overlap a range, in order of (first sample, number). */
export async function* blockHeaders(
  database: Database,
  range: BlockRange,
  { limit, abort }: HeaderOptions,
): AsyncGenerator<HeaderPage, void, undefined> {
  const { series, fromUs, toUs, watermark } = range;
  const leastUs = series.reduce((least, item) => Math.min(least, bucketOf(item, fromUs)), toUs);
  const parts = await blockParts(database, { fromUs: leastUs, toUs, watermark }, { abort });
  for (const [i, part] of parts.entries()) {
    // The next part begins at this time, or later.
    const nextUs = parts[i + 1]?.fromUs ?? Number.POSITIVE_INFINITY;
    yield* headersOfPart(database, range, { part, nextUs, limit, abort });
  }
}

/**
 * A series that may have more blocks. last: the last header read. held: how many of those read are
 * not in a page yet.
 */
type Open = { series: Series; last: BlockHeader | undefined; held: number };

async function* headersOfPart(
  database: Database,
  range: BlockRange,
  { part, nextUs, limit, abort }: HeaderOptions & { part: BlockPart; nextUs: number },
): AsyncGenerator<HeaderPage, void, undefined> {
  const open = new Map(
    range.series.map((series): [number, Open] => [series.id, { series, last: undefined, held: 0 }]),
  );
  let held: BlockHeader[] = [];
  while (open.size > 0) {
    const each = Math.max(2, Math.ceil(limit / open.size));
    const wanting = [...open.values()].filter((one) => one.held < each);
    const seriesAtOnce = Math.ceil(maxHeadersAtOnce / each);
    for (let from = 0; from < wanting.length; from += seriesAtOnce) {
      const some = wanting.slice(from, from + seriesAtOnce);
      const found = await readHeaders(database, range, { part, wanting: some, each, abort });
      const bySeries = Map.groupBy(found, ({ seriesId }) => seriesId);
      for (const one of some) {
        const own = bySeries.get(one.series.id) ?? [];
        // Fewer than its share: it has no more.
        if (own.length < each) open.delete(one.series.id);
        one.last = own.at(-1) ?? one.last;
        one.held += own.length;
      }
      // Two runs, each already sorted.
      held = [...held, ...found].sort(inOrder);
    }
    let end: BlockHeader | undefined;
    for (const { last } of open.values())
      if (end === undefined || inOrder(last!, end) < 0) end = last;
    const count = end === undefined ? held.length : held.indexOf(end) + 1;
    const headers = held.slice(0, count);
    held = held.slice(count);
    for (const { seriesId } of headers) {
      const one = open.get(seriesId);
      if (one !== undefined) one.held--;
    }
    if (headers.length > 0) yield { headers, nextUs: end?.summary.firstUs ?? nextUs };
  }
}

/**
 * The next headers of some series, at most this many of each, in order. Uses each series' index, so
 * only the answer is sorted.
 */
async function readHeaders(
  database: Database,
  { fromUs, toUs, watermark }: BlockRange,
  {
    part,
    wanting,
    each,
    abort,
  }: { part: BlockPart; wanting: readonly Open[]; each: number; abort: AbortSignal | undefined },
): Promise<BlockHeader[]> {
  const startOf = ({ series, last }: Open) =>
    bucketOf(series, Math.max(fromUs, last?.summary.firstUs ?? fromUs));
  const [row] = await askPart(
    database,
    part,
    `select ${lowestKept}, ${headerArrays}
     from unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[]) as wanted(id, bucket_us, after_us, after_id), lateral (
       select ${headerColumns} from block b
       where b.series_id = wanted.id and b.bucket_us >= wanted.bucket_us and b.bucket_us >= $9::int8 and b.bucket_us < $10::int8
         and b.last_us >= $5::int8 and b.first_us < $6::int8 and ${current("$7::int8")}
         and (b.first_us, b.block_id) > (wanted.after_us, wanted.after_id)
       order by b.bucket_us, b.first_us, b.block_id limit $8::int4) found`,
    [
      toArray.int4(wanting.map(({ series }) => series.id)),
      toArray.int8(wanting.map(startOf)),
      toArray.int8(wanting.map(({ last }) => last?.summary.firstUs ?? Number.MIN_SAFE_INTEGER)),
      toArray.int8(wanting.map(({ last }) => last?.blockId ?? 0)),
      fromUs,
      toUs,
      watermark,
      each,
      part.fromUs,
      part.toUs,
    ],
    { name: "block_headers", once: true, abort },
  );
  assertKept(watermark, row![0]);
  return toHeaders(row!);
}

const bucketOf = (series: Series, timeUs: number) =>
  Math.max(Number.MIN_SAFE_INTEGER, floorTo(timeUs, bucketWidthUs(series)));
