// Reads which times the log rows cover that are not in the history yet: there, summaries of the
// history are not complete.
import { type Extent, joinExtents } from "../history/extents.ts";
import { clamp, toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import { waitingAt } from "./held.ts";
import type { Series } from "./series.ts";

const at = { watermark: "$2::int8", through: "$3::int8" };

/**
 * Spans of the rows of a series in (watermark, revision] that overlap a range; ascending, joined
 * where they touch.
 */
export async function readLogExtents(
  database: Database,
  {
    series,
    watermark,
    revision,
    fromUs,
    toUs,
  }: { series: Series; watermark: number; revision: number; fromUs: number; toUs: number },
  abort: AbortSignal,
): Promise<Extent[]> {
  const { empty, pending, suffix } = await waitingAt(
    database,
    { watermark, through: revision },
    at,
    { abort },
  );
  if (empty) return [];
  const rows = (await database.read(
    `select first_us, last_us from ${pending} log where series_id = $1::int4 and last_us >= $4::int8 and first_us < $5::int8 order by first_us`,
    [series.id, watermark, revision, clamp(fromUs), clamp(toUs)],
    { name: `log_extents${suffix}`, abort },
  )) as [number, number][];
  return joinExtents(rows.map(([firstUs, lastUs]) => ({ firstUs, lastUs })));
}

/**
 * Time of the first sample in (watermark, revision] of some series that may lie in a range;
 * Infinity if there is none.
 */
export async function readFirstPending(
  database: Database,
  range: {
    series: readonly Series[];
    watermark: number;
    revision: number;
    fromUs: number;
    toUs: number;
  },
  abort: AbortSignal,
): Promise<number> {
  const { watermark, revision } = range;
  const { empty, pending, suffix } = await waitingAt(
    database,
    { watermark, through: revision },
    at,
    { abort },
  );
  if (empty) return Number.POSITIVE_INFINITY;
  const [row] = await database.lookUp(
    `select min(first_us) from ${pending} log where series_id = any($1::int4[]) and last_us >= $4::int8 and first_us < $5::int8`,
    [
      toArray.int4(range.series.map(({ id }) => id)),
      watermark,
      revision,
      clamp(range.fromUs),
      clamp(range.toUs),
    ],
    { name: `first_pending${suffix}`, abort },
  );
  return (row as [number | null])[0] ?? Number.POSITIVE_INFINITY;
}

/**
 * Spans of state changes in (watermark, revision] that begin before a time, each up to the change
 * that follows it as of the revision: the time that they govern. In no order.
 */
export async function readGovernedExtents(
  database: Database,
  {
    series,
    watermark,
    revision,
    toUs,
  }: { series: Series; watermark: number; revision: number; toUs: number },
  abort: AbortSignal,
): Promise<Extent[]> {
  const { empty, pending, suffix } = await waitingAt(
    database,
    { watermark, through: revision },
    at,
    { abort },
  );
  if (empty) return [];
  const rows = (await database.read(
    `select first_us, (select min(s.time_us) from state_change s where s.machine_id = $5::int4 and s.time_us > log.last_us and s.revision <= $3::int8)
     from ${pending} log where series_id = $1::int4 and first_us < $4::int8`,
    [series.id, watermark, revision, clamp(toUs), series.machineId],
    { name: `governed_extents${suffix}`, abort },
  )) as [number, number | null][];
  return rows.map(([firstUs, nextUs]) => ({ firstUs, lastUs: nextUs ?? Number.POSITIVE_INFINITY }));
}
