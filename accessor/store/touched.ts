// Reads the last revision that touched a range of some series: for compacted records from rows of
// minutes, hours and days, for others from the log.

import { touchSpans } from "../history/touch-spans.ts";
import { clamp, toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import { segmentsAfter } from "./held.ts";
import { beyondWindow } from "./state-runs.ts";

/** A part of a series, half-open; ends may be infinite. */
export type Part = { seriesId: number; fromUs: number; toUs: number };

/** Machines whose states in a window are requested. */
export type StateWindows = {
  machineIds: readonly number[];
  fromUs: number;
  toUs: number;
  wholeIntervals: boolean;
};

/**
 * newest: 0 if nothing ever touched any of it. beyond: what states depend on besides the records
 * that touched the window. removals: how often retention has removed something, up to
 * removedBeforeUs.
 */
export type Touched = { newest: number; beyond: string; removals: number; removedBeforeUs: number };

const watermark = "(select max(revision) from watermark)";
const beyond = beyondWindow({
  machine: "wanted.id",
  revision: "$8::int8",
  from: "$10::int8",
  to: "$11::int8",
  wholeIntervals: "$12::bool",
});

// Reads the log newest first, by series: of the rows that wait for compaction (about a minute), it
// skips as many as lie outside.
const statement = `select
  (select max(span.newest) from unnest($1::int4[], $2::int8[], $3::int8[], $4::int8[]) as s(series_id, width_us, from_us, to_us), lateral (
     select max(touched.revision) as newest from touched
     where touched.series_id = s.series_id and touched.width_us = s.width_us and touched.start_us >= s.from_us and touched.start_us < s.to_us) span),
  (select max(pending.revision) from unnest($5::int4[], $6::int8[], $7::int8[]) as part(series_id, from_us, to_us), lateral (
     (select log.revision from log
      where log.series_id = part.series_id and log.revision > ${watermark} and log.revision <= $8::int8 and ${segmentsAfter(watermark)}
        and log.last_us >= part.from_us and log.first_us < part.to_us
      order by log.revision desc limit 1)
     union all
     select max(held_log.revision) from held_log
     where held_log.series_id = part.series_id and held_log.last_us >= part.from_us and held_log.first_us < part.to_us
       and held_log.revision <= $8::int8) pending),
  (select json_agg(${beyond} order by position)::text from unnest($9::int4[]) with ordinality as wanted(id, position)),
  removal.count, removal.before_us
from removal`;

/**
 * As of a revision; may include later records that another accessor has compacted. Exact to the
 * minute, wider rather than narrower. One statement.
 */
export async function readTouched(
  database: Database,
  { parts, states }: { parts: readonly Part[]; states: StateWindows | undefined },
  { revision, abort }: { revision: number; abort: AbortSignal },
): Promise<Touched> {
  const spans = parts.flatMap(({ seriesId, fromUs, toUs }) =>
    touchSpans(fromUs, toUs).map((span) => ({ seriesId, ...span })),
  );
  const [row] = await database.lookUp(
    statement,
    [
      toArray.int4(spans.map(({ seriesId }) => seriesId)),
      toArray.int8(spans.map(({ widthUs }) => widthUs)),
      toArray.int8(spans.map(({ fromUs }) => clamp(fromUs))),
      toArray.int8(spans.map(({ toUs }) => clamp(toUs))),
      toArray.int4(parts.map(({ seriesId }) => seriesId)),
      toArray.int8(parts.map(({ fromUs }) => clamp(fromUs))),
      toArray.int8(parts.map(({ toUs }) => clamp(toUs))),
      revision,
      toArray.int4(states?.machineIds ?? []),
      clamp(states?.fromUs ?? 0),
      clamp(states?.toUs ?? 0),
      states?.wholeIntervals ?? false,
    ],
    { name: "touched", abort },
  );
  const [compacted, pending, beyond, removals, removedBeforeUs] = row as [
    number | null,
    number | null,
    string | null,
    number,
    number,
  ];
  return {
    newest: Math.max(compacted ?? 0, pending ?? 0),
    beyond: beyond ?? "",
    removals,
    removedBeforeUs,
  };
}
