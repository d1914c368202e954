// Reads the last record of each series, from the log and from the history, as of a revision.
import { toArray } from "./binary-arrays.ts";
import { blockParts } from "./block-parts.ts";
import type { Database } from "./database.ts";
import { heldAt, segmentsAfter } from "./held.ts";
import { current } from "./history.ts";
import { layoutAt } from "./layout.ts";
import { passed, readWatermark } from "./watermark.ts";

/**
 * For a series: the payload of the log row that ends last, its last time and its revision; the last
 * time and value of the history; and the watermark that both are read at.
 */
export type LatestRow = [
  id: number,
  payload: Buffer | null,
  logUs: number | null,
  committed: number | null,
  blockUs: number | null,
  blockValue: number | null,
  watermark: number | null,
];

// For a series "wanted". The watermark (see readWatermark) is looked up in the same statement:
// another statement would take as long as the round trip.
const at =
  "with at as materialized (select (select max(revision) from watermark where revision <= $2::int8) as watermark)";
const watermark = "(select watermark from at)";
const newestBlock = (range: string) => `
  select b.last_us, b.last from block b where b.series_id = wanted.id ${range} and ${current(watermark)}
  order by b.bucket_us desc, b.first_us desc, b.block_id desc limit 1`;
// All rows that are in the log now may have come late. No compacted row ends after the newest
// block, so the walk back through the log ends with the first row after that; "+ 0" prevents a scan
// by revision instead, through everything that waits for compaction.
const newestLogRow = (blockUs: string) => `
  select payload, last_us, revision from log where series_id = wanted.id and last_us >= coalesce(${blockUs}, ${Number.MIN_SAFE_INTEGER})
    and revision + 0 > ${watermark} and revision + 0 <= $2::int8 and ${segmentsAfter(watermark)}
  order by last_us desc, revision desc limit 1`;
const newestRow = (blockUs: string) => `
  select payload, last_us, revision from (
    (${newestLogRow(blockUs)})
    union all
    (select payload, last_us, revision from held_log where series_id = wanted.id and ${heldAt(watermark, "$2::int8")}
     order by last_us desc, revision desc limit 1)) either
  order by last_us desc, revision desc limit 1`;

type Options = { through: number; abort: AbortSignal };

/** In no order. Fails with PAGE_TOKEN_EXPIRED if the revision is below all watermarks. */
export async function readLatestRows(
  database: Database,
  seriesIds: readonly number[],
  options: Options,
): Promise<LatestRow[]> {
  const everything = {
    fromUs: Number.MIN_SAFE_INTEGER,
    toUs: Number.MAX_SAFE_INTEGER,
    watermark: 0,
  };
  const parts = await blockParts(database, everything, options);
  const inOneStatement = parts.length === 1 && !parts[0]!.pruned;
  const rows = await (inOneStatement ? readAtOnce : readByParts)(database, seriesIds, options);
  if (rows.some((row) => row[6] === null)) throw passed();
  return rows;
}

/** Log and history in one statement; held commits only if there are any. */
async function readAtOnce(
  database: Database,
  seriesIds: readonly number[],
  options: Options,
): Promise<LatestRow[]> {
  const { abort } = options;
  const layout = await layoutAt(database, 0, { abort });
  if (!layout.holds) {
    const rows = await readInOne(database, seriesIds, { ...options, holds: false });
    const asOf = rows[0]?.[6] ?? 0;
    // It was queried as of a later watermark, so held commits may no longer be known.
    if (asOf <= layout.watermark || !(await layoutAt(database, asOf, { abort })).holds) return rows;
  }
  return await readInOne(database, seriesIds, { ...options, holds: true });
}

async function readInOne(
  database: Database,
  seriesIds: readonly number[],
  { through, holds, abort }: Options & { holds: boolean },
): Promise<LatestRow[]> {
  const newest = holds ? newestRow : newestLogRow;
  return (await database.lookUp(
    `${at} select wanted.id, row.payload, row.last_us, row.revision, newest_block.last_us, newest_block.last, ${watermark}
     from unnest($1::int4[]) as wanted(id)
     left join lateral (${newestBlock("")}) newest_block on true
     left join lateral (${newest("newest_block.last_us")}) row on true`,
    [toArray.int4(seriesIds), through],
    { name: holds ? "latest_samples_held" : "latest_samples", abort },
  )) as LatestRow[];
}

/**
 * If block has many partitions: the newest ones first, then older ones for the series that were not
 * found.
 */
async function readByParts(
  database: Database,
  seriesIds: readonly number[],
  { through, abort }: Options,
): Promise<LatestRow[]> {
  const everything = { fromUs: Number.MIN_SAFE_INTEGER, toUs: Number.MAX_SAFE_INTEGER };
  const asOf = await readWatermark(database, through, { abort });
  const parts = await blockParts(database, { ...everything, watermark: asOf }, { abort });
  const found = new Map<number, [lastUs: number, last: number]>();
  for (const { fromUs, toUs } of parts.reverse()) {
    const left = seriesIds.filter((id) => !found.has(id));
    if (left.length === 0) break;
    const rows = (await database.read(
      `${at} select wanted.id, newest_block.last_us, newest_block.last from unnest($1::int4[]) as wanted(id),
         lateral (${newestBlock("and b.bucket_us >= $3::int8 and b.bucket_us < $4::int8")}) newest_block`,
      [toArray.int4(left), asOf, fromUs, toUs],
      { abort },
    )) as [number, number, number][];
    for (const [id, lastUs, last] of rows) found.set(id, [lastUs, last]);
  }
  const rows = (await database.lookUp(
    `${at} select wanted.id, row.payload, row.last_us, row.revision from unnest($1::int4[], $3::int8[]) as wanted(id, block_us)
     left join lateral (${newestRow("wanted.block_us")}) row on true`,
    [
      toArray.int4(seriesIds),
      through,
      toArray.int8(seriesIds.map((id) => found.get(id)?.[0] ?? Number.MIN_SAFE_INTEGER)),
    ],
    { name: "latest_rows", abort },
  )) as [number, Buffer | null, number | null, number | null][];
  return rows.map(([id, payload, logUs, committed]) => [
    id,
    payload,
    logUs,
    committed,
    ...(found.get(id) ?? ([null, null] as const)),
    asOf,
  ]);
}
