// Reads the history's blocks: headers with their summaries, payloads. Rows never change, so no
// snapshot is held.
import { bucketWidthUs, floorTo, hourUs } from "../history/buckets-of-time.ts";
import type { Summary } from "../history/summary.ts";
import { clamp, toArray } from "./binary-arrays.ts";
import { askPart, type BlockPart, blockParts, byPart } from "./block-parts.ts";
import { literalOf, toInt8 } from "./copy-out.ts";
import type { Database } from "./database.ts";
import type { Series } from "./series.ts";
import { fromArrays, inArrays, summaryOf } from "./summary-rows.ts";
import { assertKept, lowestKept, passed } from "./watermark.ts";

export type BlockHeader = {
  readonly blockId: number;
  readonly seriesId: number;
  readonly bucketUs: number;
  /** The watermark that it became valid at. */
  readonly validFrom: number;
  readonly summary: Summary;
  /** Bytes of its payload. */
  readonly bytes: number;
};

type ReadOptions = { abort?: AbortSignal | undefined };

export const headerColumns = `b.block_id, b.series_id, b.bucket_us, b.valid_from, pg_column_size(b.payload) + octet_length(b.tail) as bytes, ${summaryOf("b")}`;
export const headerArrays = inArrays("found", [
  "block_id",
  "series_id",
  "bucket_us",
  "valid_from",
  "bytes",
]);
/**
 * Whether a block b is valid at a watermark. "offset 0" makes PostgreSQL look up each block's end
 * by index. As a join, it would compare every block with every end, or leave the order of the
 * blocks' index and read everything that a series has.
 */
export const current = (watermark: string) => `b.valid_from <= ${watermark}
  and not exists (select from block_end e where e.block_id = b.block_id and e.ended_at <= ${watermark} offset 0)`;

export type BlockRange = {
  series: readonly Series[];
  fromUs: number;
  /** Exclusive. */
  toUs: number;
  watermark: number;
};

type BlockRanges = {
  seriesId: number;
  ranges: readonly { fromUs: number; toUs: number }[];
  watermark: number;
};

/**
 * Headers of the current blocks of a series whose buckets begin in some ranges, in order; if there
 * are more than max, max + 1 of them.
 */
export async function readBlocksOfRanges(
  database: Database,
  { seriesId, ranges, watermark, max = Number.POSITIVE_INFINITY }: BlockRanges & { max?: number },
  { abort }: ReadOptions,
): Promise<BlockHeader[]> {
  if (ranges.length === 0) return [];
  const whole = {
    fromUs: ranges.reduce((least, { fromUs }) => Math.min(least, fromUs), Number.POSITIVE_INFINITY),
    toUs: ranges.reduce((most, { toUs }) => Math.max(most, toUs), Number.NEGATIVE_INFINITY),
  };
  const headers: BlockHeader[] = [];
  for (const part of await blockParts(database, { ...whole, watermark }, { abort })) {
    const reached = ranges.filter(({ fromUs, toUs }) => fromUs < part.toUs && part.fromUs < toUs);
    if (reached.length === 0) continue;
    const [row] = await askPart(
      database,
      part,
      // "offset 0" makes it look up each range by index; as a join, it would compare all blocks
      // with each.
      `select ${lowestKept}, ${headerArrays} from (
         select block.* from unnest($2::int8[], $3::int8[]) as range(from_us, to_us), lateral (
           select ${headerColumns} from block b
           where b.series_id = $1::int4 and b.bucket_us >= range.from_us and b.bucket_us < range.to_us
             and b.bucket_us >= $5::int8 and b.bucket_us < $6::int8 and ${current("$4::int8")} offset 0) block
         limit $7::int8) found`,
      [
        seriesId,
        toArray.int8(reached.map(({ fromUs }) => fromUs)),
        toArray.int8(reached.map(({ toUs }) => toUs)),
        watermark,
        part.fromUs,
        part.toUs,
        Math.min(max - headers.length + 1, Number.MAX_SAFE_INTEGER),
      ],
      { name: "range_blocks", once: true, abort },
    );
    assertKept(watermark, row![0]);
    for (const header of toHeaders(row!)) headers.push(header);
    if (headers.length > max) break;
  }
  return headers;
}

/**
 * The part of a range in which the history has data of a series, to whole buckets; undefined if
 * there is none. Uses an index, at any length; if there are many partitions, it queries those
 * before the first block and after the last.
 */
export async function readHistoryExtent(
  database: Database,
  {
    series,
    watermark,
    ...range
  }: { series: Series; fromUs: number; toUs: number; watermark: number },
  { abort }: ReadOptions,
): Promise<{ firstUs: number; lastUs: number } | undefined> {
  // A bucket that begins before the range may overlap it.
  const fromUs = floorTo(range.fromUs, bucketWidthUs(series));
  const parts = await blockParts(database, { fromUs, toUs: range.toUs, watermark }, { abort });
  const blockIn = async (part: BlockPart, end: "min" | "max") => {
    const [row] = await askPart(
      database,
      part,
      `select ${end}(bucket_us) from block where series_id = $1::int4 and bucket_us >= $2::int8 and bucket_us < $3::int8`,
      [series.id, clamp(part.fromUs), clamp(part.toUs)],
      { name: `history_${end}`, abort },
    );
    return row![0] as number | null;
  };
  const firstOf = async (inTurn: readonly BlockPart[], end: "min" | "max") => {
    for (const part of inTurn) {
      const bucketUs = await blockIn(part, end);
      if (bucketUs !== null) return bucketUs;
    }
    return undefined;
  };
  const firstBlockUs = await firstOf(parts, "min");
  const lastBlockUs =
    firstBlockUs === undefined ? undefined : await firstOf(parts.toReversed(), "max");
  const [row] = await database.read(
    "select min(hour_us), max(hour_us) from rollup_hour where series_id = $1::int4",
    [series.id],
    { name: "history_hours", abort },
  );
  const [firstHourUs, lastHourUs] = row as (number | null)[];
  const firstUs = Math.min(
    firstBlockUs ?? Number.POSITIVE_INFINITY,
    firstHourUs ?? Number.POSITIVE_INFINITY,
  );
  const lastUs = Math.max(
    (lastBlockUs ?? Number.NEGATIVE_INFINITY) + bucketWidthUs(series),
    (lastHourUs ?? Number.NEGATIVE_INFINITY) + hourUs,
  );
  return firstUs === Number.POSITIVE_INFINITY ? undefined : { firstUs, lastUs: lastUs - 1 };
}

/** Headers of all current blocks of some buckets, in order. */
export async function readBuckets(
  database: Database,
  buckets: readonly { seriesId: number; bucketUs: number }[],
  { watermark, abort }: ReadOptions & { watermark: number },
): Promise<BlockHeader[]> {
  const headers: BlockHeader[] = [];
  const whole = spanOfBuckets(buckets);
  const parts = await blockParts(database, { ...whole, watermark }, { abort });
  for (const { part, items } of byPart(parts, buckets, ({ bucketUs }) => bucketUs)) {
    const [row] = await askPart(
      database,
      part,
      `select ${lowestKept}, ${headerArrays}
       from unnest($1::int4[], $2::int8[]) as wanted(series_id, bucket_us), lateral (
         select ${headerColumns} from block b
         where b.series_id = wanted.series_id and b.bucket_us = wanted.bucket_us
           and b.bucket_us >= $4::int8 and b.bucket_us < $5::int8 and ${current("$3::int8")} offset 0) found`,
      [
        toArray.int4(items.map(({ seriesId }) => seriesId)),
        toArray.int8(items.map(({ bucketUs }) => bucketUs)),
        watermark,
        part.fromUs,
        part.toUs,
      ],
      { name: "buckets", abort },
    );
    assertKept(watermark, row![0]);
    for (const header of toHeaders(row!)) headers.push(header);
  }
  return headers.sort(inOrder);
}

function spanOfBuckets(buckets: readonly { bucketUs: number }[]): { fromUs: number; toUs: number } {
  return {
    fromUs: buckets.reduce(
      (least, { bucketUs }) => Math.min(least, bucketUs),
      Number.MAX_SAFE_INTEGER,
    ),
    toUs:
      1 + buckets.reduce((most, { bucketUs }) => Math.max(most, bucketUs), Number.MIN_SAFE_INTEGER),
  };
}

/** Payloads (and, if requested, commits) by block. Fails with PAGE_TOKEN_EXPIRED if one is gone. */
export async function readPayloads(
  database: Database,
  headers: readonly Pick<BlockHeader, "blockId" | "seriesId" | "bucketUs">[],
  { withCommits, abort }: ReadOptions & { withCommits: boolean },
): Promise<Map<number, { payload: Buffer; commits: Buffer | undefined }>> {
  // Payloads of a watermark that the headers were read at.
  const parts = await blockParts(database, { ...spanOfBuckets(headers), watermark: 0 }, { abort });
  const payloads = new Map<number, { payload: Buffer; commits: Buffer | undefined }>();
  for (const { part, items } of byPart(parts, headers, ({ bucketUs }) => bucketUs)) {
    const list = (of: (header: Pick<BlockHeader, "blockId" | "seriesId" | "bucketUs">) => number) =>
      literalOf(items.map(of));
    const lists = [
      list(({ seriesId }) => seriesId),
      list(({ bucketUs }) => bucketUs),
      list(({ blockId }) => blockId),
    ] as const;
    const source = part.pruned
      ? payloadsBetween(lists, part)
      : `block_payloads(${lists.join(", ")})`;
    const rows = await database.copyOut(
      `copy (select block_id, payload${withCommits ? ", commits" : ""} from ${source}) to stdout (format binary)`,
      { abort },
    );
    for (const [blockId, payload, commits] of rows)
      payloads.set(toInt8(blockId), { payload: payload!, commits: commits ?? undefined });
  }
  if (payloads.size < headers.length) throw passed();
  return payloads;
}

/** Like block_payloads(), but planned with known bounds. */
function payloadsBetween(
  [series, buckets, blocks]: readonly [string, string, string],
  part: BlockPart,
): string {
  return `(select b.block_id, b.payload || b.tail as payload, b.commits
     from unnest(${series}::int4[], ${buckets}::int8[], ${blocks}::int8[]) as wanted(series_id, bucket_us, block_id)
     join block b on b.series_id = wanted.series_id and b.bucket_us = wanted.bucket_us and b.block_id = wanted.block_id
     where b.bucket_us >= ${part.fromUs} and b.bucket_us < ${part.toUs}) found`;
}

/** By first sample, then by number. */
export function inOrder(a: BlockHeader, b: BlockHeader): number {
  return a.summary.firstUs - b.summary.firstUs || a.blockId - b.blockId;
}

/** In order. Expects a row of lowestKept and headerArrays. */
export function toHeaders(row: unknown[]): BlockHeader[] {
  const { own, summaries } = fromArrays(row, 1, 5);
  const [blockId, seriesId, bucketUs, validFrom, bytes] = own;
  return summaries
    .map((summary, i) => ({
      blockId: blockId![i]!,
      seriesId: seriesId![i]!,
      bucketUs: bucketUs![i]!,
      validFrom: validFrom![i]!,
      bytes: bytes![i]!,
      summary,
    }))
    .sort(inOrder);
}
