// The newest sample of each series as of a revision: by time, and of equal times the last
// committed.
import { decodeBlock } from "../../codec/block/decode.ts";
import { toArray } from "../store/binary-arrays.ts";
import { blockParts } from "../store/block-parts.ts";
import type { Database } from "../store/database.ts";
import { heldAt, segmentsAfter } from "../store/held.ts";
import { current } from "../store/history.ts";
import { layoutAt } from "../store/layout.ts";
import type { Series } from "../store/series.ts";
import { passed, readWatermark } from "../store/watermark.ts";
import { mergePieces } from "./pieces.ts";
import { seriesPieces } from "./series-pieces.ts";
import { sweep } from "./sweep.ts";

export type LatestSample = { series: Series; timeUs: number; value: number };

type Row = [
  id: number,
  payload: Buffer | null,
  logUs: number | null,
  committed: number | null,
  blockUs: number | null,
  blockValue: number | null,
  watermark: number | null,
];

// Of a series "wanted". The watermark (see readWatermark) is looked up in the same statement:
// another would take as long as the way there and back.
const at =
  "with at as materialized (select (select max(revision) from watermark where revision <= $2::int8) as watermark)";
const watermark = "(select watermark from at)";
const newestBlock = (range: string) => `
  select b.last_us, b.last from block b where b.series_id = wanted.id ${range} and ${current(watermark)}
  order by b.bucket_us desc, b.first_us desc, b.block_id desc limit 1`;
// What is in the log now may all have come late. No row that is compacted ends after the newest
// block, so the walk back through the log ends with the first row after that; "+ 0" keeps it from
// going by revision instead, through all that waits for compaction.
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

export async function readLatestSamples(
  database: Database,
  series: readonly Series[],
  { through, abort }: { through: number; abort: AbortSignal },
): Promise<LatestSample[]> {
  const everything = {
    fromUs: Number.MIN_SAFE_INTEGER,
    toUs: Number.MAX_SAFE_INTEGER,
    watermark: 0,
  };
  const parts = await blockParts(database, everything, { abort });
  const rows =
    parts.length === 1 && !parts[0]!.pruned
      ? await readAtOnce(database, series, { through, abort })
      : await readByParts(database, series, { through, abort });
  if (rows.some((row) => row[6] === null)) throw passed();
  const byId = new Map(series.map((item) => [item.id, item]));
  // At equal times a commit that is held may be older than what the history has: then all that is
  // there at that time says which is the last.
  const tied = new Map<number, number>();
  for (const [id, , logUs, committed, blockUs, , asOf] of rows)
    if (logUs !== null && logUs === blockUs && committed! <= asOf!)
      tied.set(id, await lastAt(database, byId.get(id)!, { timeUs: logUs, through, abort }));
  return rows.flatMap(([id, payload, logUs, , blockUs, blockValue]): LatestSample[] => {
    const item = byId.get(id)!;
    const last = tied.get(id);
    if (last !== undefined) return [{ series: item, timeUs: logUs!, value: last }];
    if (payload !== null && logUs! >= (blockUs ?? Number.NEGATIVE_INFINITY)) {
      return [{ series: item, timeUs: logUs!, value: decodeBlock(payload).values.at(-1)! }];
    }
    return blockUs === null ? [] : [{ series: item, timeUs: blockUs, value: blockValue! }];
  });
}

type Options = { through: number; abort: AbortSignal };

/** The last committed sample at a time that there is one at. */
async function lastAt(
  database: Database,
  series: Series,
  { timeUs, through, abort }: Options & { timeUs: number },
): Promise<number> {
  const range = { fromUs: timeUs, toUs: timeUs + 1 };
  const options = { maxSamples: Number.POSITIVE_INFINITY, withRevisions: true, abort };
  const sources = await seriesPieces(
    { database },
    { series: [series], ...range, revision: through },
    options,
  );
  let last = Number.NaN;
  for await (const { parts } of sweep(sources, {
    ...range,
    minSamples: Number.POSITIVE_INFINITY,
    room: database.sampleRoom,
  }))
    for (const pieces of parts.values()) last = mergePieces(pieces).values.at(-1)!;
  return last;
}

/** Log and history in one statement; of commits that are held only where there are any. */
async function readAtOnce(
  database: Database,
  series: readonly Series[],
  options: Options,
): Promise<Row[]> {
  const { abort } = options;
  const layout = await layoutAt(database, 0, { abort });
  if (!layout.holds) {
    const rows = await readInOne(database, series, { ...options, holds: false });
    const asOf = rows[0]?.[6] ?? 0;
    // It was asked as of a later watermark, so what is held may be known no more.
    if (asOf <= layout.watermark || !(await layoutAt(database, asOf, { abort })).holds) return rows;
  }
  return await readInOne(database, series, { ...options, holds: true });
}

async function readInOne(
  database: Database,
  series: readonly Series[],
  { through, holds, abort }: Options & { holds: boolean },
): Promise<Row[]> {
  const newest = holds ? newestRow : newestLogRow;
  return (await database.lookUp(
    `${at} select wanted.id, row.payload, row.last_us, row.revision, newest_block.last_us, newest_block.last, ${watermark}
     from unnest($1::int4[]) as wanted(id)
     left join lateral (${newestBlock("")}) newest_block on true
     left join lateral (${newest("newest_block.last_us")}) row on true`,
    [toArray.int4(series.map(({ id }) => id)), through],
    { name: holds ? "latest_samples_held" : "latest_samples", abort },
  )) as Row[];
}

/**
 * Where block has many partitions: the newest ones first, for the series that had nothing in those
 * after.
 */
async function readByParts(
  database: Database,
  series: readonly Series[],
  { through, abort }: Options,
): Promise<Row[]> {
  const everything = { fromUs: Number.MIN_SAFE_INTEGER, toUs: Number.MAX_SAFE_INTEGER };
  const asOf = await readWatermark(database, through, { abort });
  const parts = await blockParts(database, { ...everything, watermark: asOf }, { abort });
  const found = new Map<number, [lastUs: number, last: number]>();
  for (const { fromUs, toUs } of parts.reverse()) {
    const left = series.filter(({ id }) => !found.has(id));
    if (left.length === 0) break;
    const rows = (await database.read(
      `${at} select wanted.id, newest_block.last_us, newest_block.last from unnest($1::int4[]) as wanted(id),
         lateral (${newestBlock("and b.bucket_us >= $3::int8 and b.bucket_us < $4::int8")}) newest_block`,
      [toArray.int4(left.map(({ id }) => id)), asOf, fromUs, toUs],
      { abort },
    )) as [number, number, number][];
    for (const [id, lastUs, last] of rows) found.set(id, [lastUs, last]);
  }
  const rows = (await database.lookUp(
    `${at} select wanted.id, row.payload, row.last_us, row.revision from unnest($1::int4[], $3::int8[]) as wanted(id, block_us)
     left join lateral (${newestRow("wanted.block_us")}) row on true`,
    [
      toArray.int4(series.map(({ id }) => id)),
      through,
      toArray.int8(series.map(({ id }) => found.get(id)?.[0] ?? Number.MIN_SAFE_INTEGER)),
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
