// Reads the history: watermarks, block headers with their summaries, payloads, roll-ups. Rows never change, so no snapshot is held.
import type { Summary } from "../history/summary.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";

export type BlockHeader = {
  readonly blockId: number;
  readonly seriesId: number;
  readonly bucketUs: number;
  readonly summary: Summary;
  /** Bytes of its payload. */
  readonly bytes: number;
};

type ReadOptions = { signal?: AbortSignal | undefined };

/** The greatest watermark that is not above a revision: what is committed up to there is in the history. */
export async function readWatermark(database: Database, revision: number, { signal }: ReadOptions): Promise<number> {
  const [row] = await database.read("select max(revision) from watermark where revision <= $1::int8", [revision], {
    name: "watermark",
    signal,
  });
  return (row as [number | null])[0] ?? 0;
}

const headerColumns = `b.block_id, b.series_id, b.bucket_us, pg_column_size(b.payload), b.count, b.sum, b.min, b.min_us, b.max, b.max_us,
  b.first, b.first_us, b.last, b.last_us, b.integral, b.covered_us`;
const current = (watermark: string) => `b.valid_from <= ${watermark}
  and not exists (select from block_end e where e.block_id = b.block_id and e.ended_at <= ${watermark})`;

export type BlockRange = {
  seriesIds: readonly number[];
  fromUs: number;
  /** Exclusive. */
  toUs: number;
  watermark: number;
};

// A bucket is an hour at most.
const maxBucketUs = 3_600_000_000;

/** Headers of blocks that reach into a range, in order of (first sample, block); at most limit, after a place in that order. */
export async function readBlockHeaders(
  database: Database,
  { seriesIds, fromUs, toUs, watermark }: BlockRange,
  { after, limit, signal }: ReadOptions & { after?: { firstUs: number; blockId: number } | undefined; limit: number },
): Promise<BlockHeader[]> {
  const rows = await database.read(
    `select ${headerColumns} from block b
     where b.series_id = any($1::int4[]) and b.bucket_us > $2::int8 - ${maxBucketUs} and b.bucket_us < $3::int8
       and b.last_us >= $2::int8 and b.first_us < $3::int8 and ${current("$4::int8")}
       and (b.first_us, b.block_id) > ($5::int8, $6::int8)
     order by b.first_us, b.block_id limit $7::int4`,
    [
      toArray.int4(seriesIds),
      fromUs,
      toUs,
      watermark,
      after?.firstUs ?? Number.MIN_SAFE_INTEGER,
      after?.blockId ?? 0,
      limit,
    ],
    { name: "block_headers", signal },
  );
  return rows.map(toHeader);
}

/** Headers of the current blocks of a series whose buckets begin in some ranges, ascending. */
export async function readBlocksOfRanges(
  database: Database,
  {
    seriesId,
    ranges,
    watermark,
  }: { seriesId: number; ranges: readonly { fromUs: number; toUs: number }[]; watermark: number },
  { signal }: ReadOptions,
): Promise<BlockHeader[]> {
  if (ranges.length === 0) return [];
  const rows = await database.read(
    `select ${headerColumns} from unnest($2::int8[], $3::int8[]) as range(from_us, to_us)
     join block b on b.series_id = $1::int4 and b.bucket_us >= range.from_us and b.bucket_us < range.to_us
     where ${current("$4::int8")} order by b.first_us, b.block_id`,
    [
      seriesId,
      toArray.int8(ranges.map(({ fromUs }) => fromUs)),
      toArray.int8(ranges.map(({ toUs }) => toUs)),
      watermark,
    ],
    { name: "range_blocks", signal },
  );
  return rows.map(toHeader);
}

/** Headers of all current blocks of some buckets. */
export async function readBuckets(
  database: Database,
  buckets: readonly { seriesId: number; bucketUs: number }[],
  { watermark, signal }: ReadOptions & { watermark: number },
): Promise<BlockHeader[]> {
  const rows = await database.read(
    `select ${headerColumns} from unnest($1::int4[], $2::int8[]) as wanted(series_id, bucket_us)
     join block b on b.series_id = wanted.series_id and b.bucket_us = wanted.bucket_us
     where ${current("$3::int8")} order by b.first_us, b.block_id`,
    [
      toArray.int4(buckets.map(({ seriesId }) => seriesId)),
      toArray.int8(buckets.map(({ bucketUs }) => bucketUs)),
      watermark,
    ],
    { name: "buckets", signal },
  );
  return rows.map(toHeader);
}

/** Payloads (and, if asked for, commits) by block. */
export async function readPayloads(
  database: Database,
  headers: readonly BlockHeader[],
  { withCommits, signal }: ReadOptions & { withCommits: boolean },
): Promise<Map<number, { payload: Buffer; commits: Buffer | undefined }>> {
  const rows = (await database.read(
    `select b.block_id, b.payload${withCommits ? ", b.commits" : ""}
     from unnest($1::int4[], $2::int8[], $3::int8[]) as wanted(series_id, bucket_us, block_id)
     join block b on b.series_id = wanted.series_id and b.bucket_us = wanted.bucket_us and b.block_id = wanted.block_id`,
    [
      toArray.int4(headers.map(({ seriesId }) => seriesId)),
      toArray.int8(headers.map(({ bucketUs }) => bucketUs)),
      toArray.int8(headers.map(({ blockId }) => blockId)),
    ],
    { name: withCommits ? "payloads_commits" : "payloads", signal },
  )) as [number, Buffer, Buffer | undefined][];
  return new Map(rows.map(([blockId, payload, commits]) => [blockId, { payload, commits }]));
}

export type HourRollup = { seriesId: number; hourUs: number; summary: Summary };

/** Roll-ups of hours that begin in a range, ascending, current at a watermark. */
export async function readHourRollups(
  database: Database,
  range: BlockRange,
  { signal }: ReadOptions,
): Promise<HourRollup[]> {
  const rows = await database.read(
    `select series_id, hour_us, 0, 0, count, sum, min, min_us, max, max_us, first, first_us, last, last_us, integral, covered_us from (
       select distinct on (series_id, hour_us) * from rollup_hour
       where series_id = any($1::int4[]) and hour_us >= $2::int8 and hour_us < $3::int8 and valid_from <= $4::int8
       order by series_id, hour_us, valid_from desc) newest
     where count is not null order by hour_us`,
    [toArray.int4(range.seriesIds), range.fromUs, range.toUs, range.watermark],
    { name: "hour_rollups", signal },
  );
  return rows.map((row) => ({ seriesId: row[0] as number, hourUs: row[1] as number, summary: toSummary(row) }));
}

function toHeader(row: unknown[]): BlockHeader {
  const [blockId, seriesId, bucketUs, bytes] = row as number[];
  return { blockId: blockId!, seriesId: seriesId!, bucketUs: bucketUs!, bytes: bytes!, summary: toSummary(row) };
}

function toSummary(row: unknown[]): Summary {
  const [count, sum, min, minUs, max, maxUs, first, firstUs, last, lastUs, integral, coveredUs] = row.slice(4) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { count, sum, min, minUs, max, maxUs, first, firstUs, last, lastUs, integral, coveredUs };
}
