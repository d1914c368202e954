// Writes the declarations of series: registers them, and sets unit and max_gap afterwards.
import { z } from "zod";
import type { Duplicates, SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { chooseBucketUs } from "../history/buckets-of-time.ts";
import { maxDistances, type Rhythm } from "../history/infer-gap.ts";
import { toArray } from "./binary-arrays.ts";
import type { Database } from "./database.ts";
import { toFailure } from "./errors.ts";
import type { NewSeries, Quota, Series } from "./series.ts";
import { sql } from "./sql.ts";
import { toNumbers } from "./summary-rows.ts";

/** Which limit on registrations was reached. */
const quotaLimit = z.enum(["machines", "machines-per-key", "series", "series-per-key"]);
export type QuotaLimit = z.infer<typeof quotaLimit>;

type Registering = { holder: string; own: Quota; all: Quota };

/** Returns the limit that was reached, if any. */
export async function registerSeries(
  database: Database,
  {
    machine,
    entries,
    holder,
    own,
    all,
  }: Registering & { machine: string; entries: readonly NewSeries[] },
): Promise<QuotaLimit | undefined> {
  const list = (of: (entry: NewSeries) => string | number | null, type: string) =>
    sql.array(entries.map(of), type);
  try {
    const limit = await database.slonik.oneFirst(sql.type(
      z.object({ limit: quotaLimit.nullable() }),
    )`
      select register_series(
        ${holder}, ${machine},
        ${list(({ signal }) => signal, "text")},
        ${list(({ kind }) => kind, "int2")},
        ${list(({ unit }) => unit, "text")},
        ${list(({ maxGapUs }) => maxGapUs ?? null, "int8")},
        ${list(({ rhythm }) => (rhythm === undefined ? null : `{${rhythm.distancesUs.join(",")}}`), "text")},
        ${list(({ rhythm }) => rhythm?.lastUs ?? null, "int8")},
        ${list(({ sampleType }) => sampleType || null, "int2")},
        ${list(({ duplicates }) => duplicates || null, "int2")},
        ${own.machines}::int4, ${own.series}::int4, ${all.machines}::int4, ${all.series}::int4) as limit`);
    return limit ?? undefined;
  } catch (error) {
    throw toFailure(error);
  }
}

/**
 * unit, sampleType, duplicates: undefined leaves the value unchanged. maxGapUs: undefined for
 * states and errors. rhythm: the basis that max_gap was inferred from; undefined: it is declared.
 */
export type Declaration = {
  unit?: string | undefined;
  maxGapUs: number | undefined;
  rhythm: Rhythm | undefined;
  sampleType?: SampleType | undefined;
  duplicates?: Duplicates | undefined;
};

/**
 * Sets the declaration of a series: a unit, a type or a meaning of duplicates if it has none, a
 * max_gap if its own is inferred; with `force` in any case. Returns false, without any effect, if
 * max_gap was inferred from another basis than the one known here.
 */
export async function redeclare(
  database: Database,
  { id, rhythm: known }: Series,
  { unit, maxGapUs, rhythm, sampleType, duplicates }: Declaration,
  { force = false } = {},
): Promise<boolean> {
  const distances = (of: Rhythm | undefined) =>
    of === undefined ? sql.fragment`null` : sql.array([...of.distancesUs], "int8");
  try {
    return await database.slonik.oneFirst(sql.type(z.object({ done: z.boolean() }))`
      select redeclare(${id}::int4, ${unit ?? null}::text, ${maxGapUs ?? null}::int8, ${distances(rhythm)},
        ${rhythm?.lastUs ?? null}::int8, ${sampleType ?? null}::int2, ${duplicates ?? null}::int2, ${force}, ${distances(known)}) as done`);
  } catch (error) {
    throw toFailure(error);
  }
}

/** Whether more samples may still change the max_gap of a series. */
export const isLearning = ({ rhythm }: Pick<Series, "rhythm">): boolean =>
  rhythm !== undefined && rhythm.distancesUs.length < maxDistances;

/** Sets the width of the buckets of series that have none yet. */
export async function fixBuckets(database: Database, series: readonly Series[]): Promise<void> {
  await database.compact(
    "select fix_buckets($1::int4[], $2::int8[])",
    [toArray.int4(series.map(({ id }) => id)), toArray.int8(series.map(chooseBucketUs))],
    { name: "fix_buckets" },
  );
}

/**
 * How many times declarations of series have changed, and which series changed after a given
 * number.
 */
export async function readRedeclared(
  database: Database,
  after: number,
): Promise<{ newest: number; ids: number[] }> {
  const [row] = await database.read(
    `select (select coalesce(max(n), 0) from redeclared), (select array_agg(series_id) from redeclared where n > $1::int8)`,
    [after],
    { name: "redeclared" },
  );
  const [newest, ids] = row as [number, string | null];
  return { newest, ids: ids === null ? [] : toNumbers(ids) };
}
