// Reads the hours of a machine's time and energy by state that are rolled up.
import type { StateTotals } from "../history/state-totals.ts";
import type { Database } from "./database.ts";

export type StateRollupRange = { machineId: number; fromUs: number /** Exclusive. */; toUs: number; watermark: number };

/** Ascending; only those current at the watermark. */
export async function readStateRollups(
  database: Database,
  { machineId, fromUs, toUs, watermark }: StateRollupRange,
  { signal }: { signal?: AbortSignal | undefined },
): Promise<{ startUs: number; totals: StateTotals }[]> {
  const rows = (await database.read(
    `select start_us, transitions, time_us::text, covered_us::text, integral::text from (
       select distinct on (start_us) * from rollup_state
       where machine_id = $1::int4 and width_us = 3600000000 and start_us >= $2::int8 and start_us < $3::int8 and valid_from <= $4::int8
       order by start_us, valid_from desc) newest
     where transitions is not null order by start_us`,
    [machineId, fromUs, toUs, watermark],
    { name: "state_rollups", signal },
  )) as [number, number, string, string, string][];
  return rows.map(([startUs, transitions, timeUs, coveredUs, integral]) => ({
    startUs,
    totals: { transitions, timeUs: toNumbers(timeUs), coveredUs: toNumbers(coveredUs), integral: toNumbers(integral) },
  }));
}

/** "{1,2.5,Infinity}" */
function toNumbers(text: string): number[] {
  return text.slice(1, -1).split(",").map(Number);
}
