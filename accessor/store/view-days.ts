// The statements that make what the views of minutes and days are looked up by, where older
// versions did not make it as they compacted.
import type { Database } from "./database.ts";

/**
 * Of each kind: days that a series has samples in, of series from before there was such a table;
 * what machines of before gave as signs of life; the hours since the first state; and the minutes
 * of days that came many at once.
 */
export type MadeForViews =
  | "note_days_before"
  | "note_alive_before"
  | "make_clock_hours"
  | "make_minutes";

/** Makes a portion of what is missing. Answers how much that was: less than most is the last. */
export async function makeForViews(
  database: Database,
  kind: MadeForViews,
  { most, abort }: { most: number; abort: AbortSignal },
): Promise<number> {
  const [row] = await database.compact(`select ${kind}($1::int4)`, [most], { name: kind, abort });
  return (row as [number])[0];
}

/** Without it, the planner does not know that so many minutes are of one hour. */
export async function analyzeMinutes(
  database: Database,
  { abort }: { abort: AbortSignal },
): Promise<void> {
  await database.compact("analyze kept_minute", [], { abort });
}
