// The newest sample of each series as of a revision: by time, and of equal times the last committed.
import { decodeBlock } from "../../block/decode.ts";
import { toArray } from "../store/binary-arrays.ts";
import type { Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { passed } from "../store/watermark.ts";
import { segmentsAfter } from "./log-pieces.ts";

const watermark = "(select watermark from at)";

export type LatestSample = { series: Series; timeUs: number; value: number };

export async function readLatestSamples(
  database: Database,
  series: readonly Series[],
  { through, signal }: { through: number; signal: AbortSignal },
): Promise<LatestSample[]> {
  // Both are asked: what is in the log now may all have come late. No row that is compacted ends after the newest block, so the walk back through
  // the log ends with the first row after that; "+ 0" keeps it from going by revision instead, through all that waits for compaction.
  // The watermark (see readWatermark) is looked up in the same statement: another would take as long as the way there and back.
  const rows = (await database.lookUp(
    `with at as materialized (select (select max(revision) from watermark where revision <= $2::int8) as watermark)
     select wanted.id, row.payload, row.last_us, newest_block.last_us, newest_block.last, ${watermark}
     from unnest($1::int4[]) as wanted(id)
     left join lateral (
       select b.last_us, b.last from block b where b.series_id = wanted.id and b.valid_from <= ${watermark}
         and not exists (select from block_end e where e.block_id = b.block_id and e.ended_at <= ${watermark})
       order by b.bucket_us desc, b.first_us desc, b.block_id desc limit 1) newest_block on true
     left join lateral (
       select payload, last_us from log where series_id = wanted.id and last_us >= coalesce(newest_block.last_us, ${Number.MIN_SAFE_INTEGER})
         and revision + 0 > ${watermark} and revision + 0 <= $2::int8 and ${segmentsAfter(watermark)}
       order by last_us desc, revision desc limit 1) row on true`,
    [toArray.int4(series.map(({ id }) => id)), through],
    { name: "latest_samples", signal },
  )) as [number, Buffer | null, number | null, number | null, number | null, number | null][];
  if (rows.some((row) => row[5] === null)) throw passed();
  const byId = new Map(series.map((item) => [item.id, item]));
  return rows.flatMap(([id, payload, logUs, blockUs, blockValue]): LatestSample[] => {
    const item = byId.get(id)!;
    if (payload !== null && logUs! >= (blockUs ?? Number.NEGATIVE_INFINITY)) {
      return [{ series: item, timeUs: logUs!, value: decodeBlock(payload).values.at(-1)! }];
    }
    return blockUs === null ? [] : [{ series: item, timeUs: blockUs, value: blockValue! }];
  });
}
