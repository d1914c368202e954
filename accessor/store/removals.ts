// The statements that remove rows in portions: rows that are older than the retention, and versions
// that no reader can request any more.
import { toArray } from "./binary-arrays.ts";
import type { Span } from "./block-spans.ts";
import type { Database } from "./database.ts";

type Portion = { maxDropped: number; abort: AbortSignal };

/** Increments the count of removals in versions of answers, for data up to a time. */
export async function noteRemoval(
  database: Database,
  beforeUs: number,
  { abort }: Pick<Portion, "abort">,
): Promise<void> {
  await database.compact("select note_removal($1::int8)", [Math.floor(beforeUs)], { abort });
}

/** Removes blocks of some series in a span of time. Returns how many. */
export async function dropBlocksBetween(
  database: Database,
  { seriesIds, fromUs, toUs }: Span & { seriesIds: readonly number[] },
  { maxDropped, abort }: Portion,
): Promise<number> {
  const [row] = await database.compact(
    "select drop_blocks_between($1::int4[], $2::int8, $3::int8, $4::int4)",
    [toArray.int4(seriesIds), fromUs, toUs, maxDropped],
    { name: "drop_blocks_between", abort },
  );
  return (row as [number])[0];
}

export type Removed = "states" | "errors" | "rollups" | "touched" | "minutes" | "days" | "alive";

/** Removes rows of a kind from before a time. Returns how many. */
export async function dropRowsBefore(
  database: Database,
  { kind, beforeUs }: { kind: Removed; beforeUs: number },
  { maxDropped, abort }: Portion,
): Promise<number> {
  const [row] = await database.compact(
    `select drop_${kind}_before($1::int8, $2::int4)`,
    [Math.floor(beforeUs), maxDropped],
    { abort },
  );
  return (row as [number])[0];
}

/** Forgets versions that ended this long ago. Returns how many blocks. */
export async function dropSuperseded(
  database: Database,
  supersededMs: number,
  { maxDropped, abort }: Portion,
): Promise<number> {
  const [row] = await database.compact(
    "select blocks from drop_superseded($1::int8, $2::int4)",
    [supersededMs, maxDropped],
    { name: "drop_superseded", abort },
  );
  return (row as [number])[0];
}

/** Forgets held commits that no reader needs besides the history any more. */
export async function dropReleased(
  database: Database,
  { abort }: Pick<Portion, "abort">,
): Promise<void> {
  await database.compact("select drop_released()", [], { name: "drop_released", abort });
}
