// The statements that make the data by which views of minutes and days are looked up, where older
// versions did not make it during compaction.
import type { Database } from "./database.ts";

/**
 * Of each kind: days that a series has samples in, for series older than that table; earlier signs
 * of life of machines; the hours since the first state; and the minutes of days that came many at
 * once.
 */
export type MadeForViews =
  | "note_days_before"
  | "note_alive_before"
  | "make_clock_hours"
  | "make_minutes";

/**
 * Makes a portion of what is missing. Returns how much that was: less than most means that it was
 * the last.
 */
export async function makeForViews(
  database: Database,
  kind: MadeForViews,
  { most, abort }: { most: number; abort: AbortSignal },
): Promise<number> {
  const [row] = await database.compact(`select ${kind}($1::int4)`, [most], { name: kind, abort });
  return (row as [number])[0];
}

/** Without it, the planner does not know that this many minutes are of one hour. */
export async function analyzeMinutes(
  database: Database,
  { abort }: { abort: AbortSignal },
): Promise<void> {
  await database.compact("analyze kept_minute", [], { abort });
}
