// Reads the roll-ups of hours: a series' summary, a machine's time and energy by state.
import { hourUs } from "../history/buckets-of-time.ts";
import { stateCount } from "../history/state-intervals.ts";
import type { StateTotals } from "../history/state-totals.ts";
import type { Summary } from "../history/summary.ts";
import type { Database } from "./database.ts";
import type { Series } from "./series.ts";
import { fromArrays, inArrays, toNumbers } from "./summary-rows.ts";
import { assertKept, lowestKept } from "./watermark.ts";

type Range = { fromUs: number /** Exclusive. */; toUs: number; watermark: number };
type ReadOptions = { abort?: AbortSignal | undefined };

type HourRollup = { hourUs: number; summary: Summary };

// PostgreSQL takes as long to write 1,000 of them as for three round trips.
const minHoursInTwo = 2_000;

/** Of hours that begin in a range, ascending; only those current at the watermark. */
export async function readHourRollups(
  database: Database,
  range: Range & { series: Pick<Series, "id" | "staleThrough"> },
  options: ReadOptions,
): Promise<HourRollup[]> {
  const { fromUs, toUs } = range;
  if (toUs - fromUs < minHoursInTwo * hourUs) return readHours(database, range, options);
  // In two statements at once: PostgreSQL takes nearly all of the time, to write numbers as text,
  // and each statement has a process of its own.
  const middleUs = Math.floor((fromUs + toUs) / 2);
  const halves = [
    readHours(database, { ...range, toUs: middleUs }, options),
    readHours(database, { ...range, fromUs: middleUs }, options),
  ];
  return (await Promise.all(halves)).flat();
}

async function readHours(
  database: Database,
  {
    series: { id, staleThrough },
    fromUs,
    toUs,
    watermark,
  }: Range & { series: Pick<Series, "id" | "staleThrough"> },
  { abort }: ReadOptions,
): Promise<HourRollup[]> {
  // Newest version first: backwards through the primary key, without a sort.
  const [row] = await database.read(
    `select ${lowestKept}, ${inArrays("newest", ["hour_us"])} from (
       select distinct on (hour_us) * from rollup_hour
       where series_id = $1::int4 and hour_us >= $2::int8 and hour_us < $3::int8 and valid_from <= $4::int8
       order by hour_us desc, valid_from desc) newest
     where count is not null and valid_from > $5::int8`,
    [id, fromUs, toUs, watermark, staleThrough],
    { name: "hour_rollups", abort },
  );
  assertKept(watermark, row![0]);
  const { own, summaries } = fromArrays(row!, 1, 1);
  return summaries
    .map((summary, i) => ({ hourUs: own[0]![i]!, summary }))
    .sort((a, b) => a.hourUs - b.hourUs);
}

/**
 * Of hours that begin in a range, ascending; only those current at the watermark. staleThrough:
 * that of the machine's power, if it has any.
 */
export async function readStateRollups(
  database: Database,
  {
    machineId,
    staleThrough,
    fromUs,
    toUs,
    watermark,
  }: Range & { machineId: number; staleThrough: number },
  { abort }: ReadOptions,
): Promise<{ startUs: number; totals: StateTotals }[]> {
  const [row] = await database.read(
    `select ${lowestKept}, array_agg(start_us), array_agg(transitions), array_agg(time_us), array_agg(covered_us), array_agg(integral) from (
       select distinct on (start_us) * from rollup_state
       where machine_id = $1::int4 and width_us = 3600000000 and start_us >= $2::int8 and start_us < $3::int8 and valid_from <= $4::int8
       order by start_us desc, valid_from desc) newest
     where transitions is not null and valid_from > $5::int8`,
    [machineId, fromUs, toUs, watermark, staleThrough],
    { name: "state_rollups", abort },
  );
  const [lowest, starts, ...arrays] = row as [
    number,
    string | null,
    string,
    string,
    string,
    string,
  ];
  assertKept(watermark, lowest);
  if (starts === null) return [];
  // Arrays of arrays have the form "{{1,2},{3,4}}": for each hour, a number per state.
  const [transitions, timeUs, coveredUs, integral] = arrays.map((text) =>
    toNumbers(`{${text.replaceAll(/[{}]/g, "")}}`),
  );
  const ofHour = (values: number[], i: number) =>
    values.slice(i * stateCount, (i + 1) * stateCount);
  return toNumbers(starts)
    .map((startUs, i) => ({
      startUs,
      totals: {
        transitions: transitions![i]!,
        timeUs: ofHour(timeUs!, i),
        coveredUs: ofHour(coveredUs!, i),
        integral: ofHour(integral!, i).map((high) => ({ high, low: 0 })),
      },
    }))
    .sort((a, b) => a.startUs - b.startUs);
}
