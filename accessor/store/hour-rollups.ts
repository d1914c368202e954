// Reads what is rolled up of hours: a series' summary, a machine's time and energy by state.
import type { StateTotals } from "../history/state-totals.ts";
import type { Summary } from "../history/summary.ts";
import type { Database } from "./database.ts";
import { summaryColumns, toSummary } from "./summary-rows.ts";
import { assertKept, lowestKept } from "./watermark.ts";

type Range = { fromUs: number /** Exclusive. */; toUs: number; watermark: number };
type ReadOptions = { signal?: AbortSignal | undefined };

/** Of hours that begin in a range, ascending; only those current at the watermark. */
export async function readHourRollups(
  database: Database,
  { seriesId, fromUs, toUs, watermark }: Range & { seriesId: number },
  { signal }: ReadOptions,
): Promise<{ hourUs: number; summary: Summary }[]> {
  // Newest version first: backwards through the primary key, without a sort.
  const rows = await database.read(
    `select ${lowestKept}, newest.hour_us, ${summaryColumns("newest")} from (
       select distinct on (hour_us) * from rollup_hour
       where series_id = $1::int4 and hour_us >= $2::int8 and hour_us < $3::int8 and valid_from <= $4::int8
       order by hour_us desc, valid_from desc) newest
     where count is not null`,
    [seriesId, fromUs, toUs, watermark],
    { name: "hour_rollups", signal },
  );
  await assertKept(database, watermark, rows);
  return rows.map((row) => ({ hourUs: row[1] as number, summary: toSummary(row, 2) })).reverse();
}

/** Of hours that begin in a range, ascending; only those current at the watermark. */
export async function readStateRollups(
  database: Database,
  { machineId, fromUs, toUs, watermark }: Range & { machineId: number },
  { signal }: ReadOptions,
): Promise<{ startUs: number; totals: StateTotals }[]> {
  const rows = (await database.read(
    `select ${lowestKept}, start_us, transitions, time_us::text, covered_us::text, integral::text from (
       select distinct on (start_us) * from rollup_state
       where machine_id = $1::int4 and width_us = 3600000000 and start_us >= $2::int8 and start_us < $3::int8 and valid_from <= $4::int8
       order by start_us desc, valid_from desc) newest
     where transitions is not null`,
    [machineId, fromUs, toUs, watermark],
    { name: "state_rollups", signal },
  )) as [number, number, number, string, string, string][];
  await assertKept(database, watermark, rows);
  return rows
    .map(([, startUs, transitions, timeUs, coveredUs, integral]) => ({
      startUs,
      totals: {
        transitions,
        timeUs: toNumbers(timeUs),
        coveredUs: toNumbers(coveredUs),
        integral: toNumbers(integral),
      },
    }))
    .reverse();
}

/** "{1,2.5,Infinity}" */
function toNumbers(text: string): number[] {
  return text.slice(1, -1).split(",").map(Number);
}
