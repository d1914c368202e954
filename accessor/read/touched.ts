// Reads which revision touched a range of some series last: what is compacted by rows of minutes, hours and days, what is not from the log.

import { touchSpans } from "../history/touch-spans.ts";
import { clamp, toArray } from "../store/binary-arrays.ts";
import type { Database } from "../store/database.ts";
import { segmentsAfter } from "./log-pieces.ts";

/** A part of a series, half-open; ends may be infinite. */
export type Part = { seriesId: number; fromUs: number; toUs: number };

/** newest: 0 if nothing ever touched any of it. removals: how often retention has removed something, up to removedBeforeUs. */
export type Touched = { newest: number; removals: number; removedBeforeUs: number };

/** As of a revision; may know of more that another accessor has compacted. Right to the minute, wider rather than narrower. */
export async function readTouched(
  database: Database,
  parts: readonly Part[],
  { revision, signal }: { revision: number; signal: AbortSignal },
): Promise<Touched> {
  const spans = parts.flatMap(({ seriesId, fromUs, toUs }) =>
    touchSpans(fromUs, toUs).map((span) => ({ seriesId, ...span })),
  );
  const watermark = "(select max(revision) from watermark)";
  // Of the log newest first, by series: of what waits for compaction, a minute or so, as many rows as lie outside are passed over.
  const [row] = await database.read(
    `select
       coalesce((
         select max(touched.revision) from unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[]) as span(series_id, width_us, from_us, to_us)
         join touched on touched.series_id = span.series_id and touched.width_us = span.width_us
           and touched.start_us >= span.from_us and touched.start_us < span.to_us), 0),
       coalesce((
         select max(pending.revision) from unnest($5::int4[], $6::int8[], $7::int8[]) as part(series_id, from_us, to_us), lateral (
           select log.revision from log
           where log.series_id = part.series_id and log.revision > ${watermark} and log.revision <= $8::int8 and ${segmentsAfter(watermark)}
             and log.last_us >= part.from_us and log.first_us < part.to_us
           order by log.revision desc limit 1) pending), 0),
       removal.count, removal.before_us
     from removal`,
    [
      toArray.int4(spans.map(({ seriesId }) => seriesId)),
      toArray.int8(spans.map(({ widthUs }) => widthUs)),
      toArray.int8(spans.map(({ fromUs }) => clamp(fromUs))),
      toArray.int8(spans.map(({ toUs }) => clamp(toUs))),
      toArray.int4(parts.map(({ seriesId }) => seriesId)),
      toArray.int8(parts.map(({ fromUs }) => clamp(fromUs))),
      toArray.int8(parts.map(({ toUs }) => clamp(toUs))),
      revision,
    ],
    { name: "touched", signal },
  );
  const [compacted, pending, removals, removedBeforeUs] = row as [number, number, number, number];
  return { newest: Math.max(compacted, pending), removals, removedBeforeUs };
}
