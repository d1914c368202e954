// Reads and corrects blocks whose integral and covered time use an earlier max_gap.
import { toArray } from "./binary-arrays.ts";
import { askPart, type BlockPart } from "./block-parts.ts";
import type { Database } from "./database.ts";
import type { Series } from "./series.ts";

type ReadOptions = { abort: AbortSignal };

/** By then, every process knows the declaration. */
const settleMs = 10_000;

/**
 * Ids of series whose stale blocks may be corrected: the work that was in progress when they became
 * stale has ended.
 */
export async function readStaleSeries(
  database: Database,
  { watermark, limit }: { watermark: number; limit: number },
  { abort }: ReadOptions,
): Promise<number[]> {
  const rows = await database.read(
    `select id from series where stale_through is not null and stale_through <= $1::int8 + 1
       and redeclared_at < clock_timestamp() - $2::int8 * interval '1 millisecond'
     order by id limit $3::int4`,
    [watermark, settleMs, limit],
    { name: "stale_series", abort },
  );
  return (rows as [number][]).map(([id]) => id);
}

/** A block's place among those of a series. */
export type Place = { bucketUs: number; firstUs: number; blockId: number };

export type StaleBlock = Place & { seriesId: number; samples: number };

/** Stale blocks of a series in a part of time after a place, ascending; superseded ones too. */
export async function readStaleBlocks(
  database: Database,
  { series, part, after, limit }: { series: Series; part: BlockPart; after: Place; limit: number },
  { abort }: ReadOptions,
): Promise<StaleBlock[]> {
  const rows = await askPart(
    database,
    part,
    `select bucket_us, first_us, block_id, count from block b
     where b.series_id = $1::int4 and b.bucket_us >= $2::int8 and b.bucket_us < $3::int8
       and (b.bucket_us, b.first_us, b.block_id) > ($4::int8, $5::int8, $6::int8) and b.valid_from <= $7::int8
     order by b.bucket_us, b.first_us, b.block_id limit $8::int4`,
    [
      series.id,
      Math.max(part.fromUs, after.bucketUs),
      part.toUs,
      after.bucketUs,
      after.firstUs,
      after.blockId,
      series.staleThrough,
      limit,
    ],
    { name: "stale_blocks", abort },
  );
  return (rows as [number, number, number, number][]).map(
    ([bucketUs, firstUs, blockId, samples]) => ({
      bucketUs,
      firstUs,
      blockId,
      seriesId: series.id,
      samples,
    }),
  );
}

export type Sums = { integral: number; coveredUs: number };

export async function writeSums(
  database: Database,
  blocks: readonly (StaleBlock & Sums)[],
  { series, part }: { series: Series; part: BlockPart },
  { abort }: ReadOptions,
): Promise<void> {
  const bounds = part.pruned
    ? `and b.bucket_us >= ${part.fromUs} and b.bucket_us < ${part.toUs}`
    : "";
  await database.compact(
    `update block b set integral = s.integral, covered_us = s.covered_us
     from unnest($2::int8[], $3::int8[], $4::float8[], $5::int8[]) as s(bucket_us, block_id, integral, covered_us)
     where b.series_id = $1::int4 and b.bucket_us = s.bucket_us and b.block_id = s.block_id ${bounds}`,
    [
      series.id,
      toArray.int8(blocks.map(({ bucketUs }) => bucketUs)),
      toArray.int8(blocks.map(({ blockId }) => blockId)),
      toArray.float8(blocks.map(({ integral }) => integral)),
      toArray.int8(blocks.map(({ coveredUs }) => coveredUs)),
    ],
    { ...(part.pruned ? {} : { name: "write_sums" }), abort },
  );
}

/** Returns false if the declaration has changed again meanwhile. */
export async function finishRestating(
  database: Database,
  series: Series,
  { abort }: ReadOptions,
): Promise<boolean> {
  const [row] = await database.compact(
    "select finish_restating($1::int4, $2::int8)",
    [series.id, series.staleThrough],
    { name: "finish_restating", abort },
  );
  return (row as [boolean])[0];
}
