// The newest sample of each series as of a revision: by time, and of equal times the last committed.
import { decodeBlock } from "../../block/decode.ts";
import { toArray } from "../store/binary-arrays.ts";
import type { Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";

export type LatestSample = { series: Series; timeUs: number; value: number };

export async function readLatestSamples(
  database: Database,
  series: readonly Series[],
  { through, signal }: { through: number; signal: AbortSignal },
): Promise<LatestSample[]> {
  const rows = (await database.read(
    `select wanted.id, latest.payload from unnest($1::int4[]) as wanted(id), lateral (
       select payload from log where series_id = wanted.id and revision <= $2::int8
       order by last_us desc, revision desc limit 1) latest`,
    [toArray.int4(series.map(({ id }) => id)), through],
    { name: "latest_samples", signal },
  )) as [number, Buffer][];
  const byId = new Map(series.map((item) => [item.id, item]));
  return rows.map(([id, payload]) => {
    const { timesUs, values } = decodeBlock(payload);
    return { series: byId.get(id)!, timeUs: timesUs.at(-1)!, value: values.at(-1)! };
  });
}
