// The part of the log that a read at a watermark needs besides the history: the commits after it,
// and commits that compaction has skipped and holds.
import type { Database } from "./database.ts";
import { layoutAt } from "./layout.ts";

/** Excludes segments that end at or before a revision. */
export const segmentsAfter = (revision: string) =>
  `segment >= coalesce((select max(s.segment) from log_segment s where s.first_revision <= ${revision} + 1), 0)`;

/**
 * Held at a watermark, up to a revision. A commit that was released at a later watermark is not in
 * this one's history.
 */
export const heldAt = (watermark: string, through: string) =>
  `held_log.revision <= ${watermark} and held_log.revision <= ${through} and (held_log.released_at is null or held_log.released_at > ${watermark})`;

const columns = "revision, first_us, last_us, series_id, sample_count, payload";

/**
 * pending: a table of the rows, for a from clause. suffix: for a statement's name, since its text
 * varies.
 */
export type Waiting = { empty: boolean; pending: string; suffix: string };

/**
 * The rows of commits up to a revision that are not in the history at a watermark. Placeholders
 * stand for the two.
 */
export async function waitingAt(
  database: Database,
  { watermark, through }: { watermark: number; through: number },
  placeholders: { watermark: string; through: string },
  options: { abort?: AbortSignal | undefined },
): Promise<Waiting> {
  const { holds } = await layoutAt(database, watermark, options);
  const log = `select ${columns} from log where revision > ${placeholders.watermark} and revision <= ${placeholders.through}
    and ${segmentsAfter(placeholders.watermark)}`;
  if (!holds) return { empty: watermark >= through, pending: `(${log})`, suffix: "" };
  const held = `select ${columns} from held_log where ${heldAt(placeholders.watermark, placeholders.through)}`;
  return { empty: false, pending: `(${log} union all ${held})`, suffix: "_held" };
}
