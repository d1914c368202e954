// The newest sample of each series as of a revision: the latest in time, and at equal times the
// last committed.
import { decodeBlock } from "../../codec/block/decode.ts";
import type { Database } from "../store/database.ts";
import { readLatestRows } from "../store/latest-rows.ts";
import type { Series } from "../store/series.ts";
import { mergePieces } from "./pieces.ts";
import { seriesPieces } from "./series-pieces.ts";
import { sweep } from "./sweep.ts";

export type LatestSample = { series: Series; timeUs: number; value: number };

export async function readLatestSamples(
  database: Database,
  series: readonly Series[],
  { through, abort }: { through: number; abort: AbortSignal },
): Promise<LatestSample[]> {
  const seriesIds = series.map(({ id }) => id);
  const rows = await readLatestRows(database, seriesIds, { through, abort });
  const byId = new Map(series.map((item) => [item.id, item]));
  // At equal times a held commit may be older than the history's samples; in that case all samples
  // at that time are read to find the last one.
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

/** The last committed sample at a time that has at least one. */
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
    budget: database.sampleBudget,
  }))
    for (const pieces of parts.values()) last = mergePieces(pieces).values.at(-1)!;
  return last;
}
