// Which watermark a revision is read at, and whether the data it needs still exists: superseded
// blocks are removed some time after they were replaced.
import { Failure } from "../domain/failure.ts";
import type { Database } from "./database.ts";
import { commitTime } from "./log.ts";

/**
 * The greatest watermark that is not above a revision: everything committed up to there is in the
 * history. Fails with PAGE_TOKEN_EXPIRED for a revision below the lowest watermark that is kept.
 */
export async function readWatermark(
  database: Database,
  revision: number,
  { abort }: { abort?: AbortSignal | undefined },
): Promise<number> {
  const [row] = await database.lookUp(
    "select (select max(revision) from watermark where revision <= $1::int8)",
    [revision],
    { name: "watermark", abort },
  );
  const [watermark] = row as [number | null];
  if (watermark === null) throw passed();
  return watermark;
}

/**
 * When the last commit of a watermark was made, as far as that is known; at the latest, when it was
 * compacted.
 */
export async function readWatermarkTime(
  database: Database,
  watermark: number,
  { abort }: { abort?: AbortSignal | undefined },
): Promise<number> {
  const [row] = await database.lookUp(`select ${commitTime("$1::int8")}`, [watermark], {
    name: "watermark_time",
    abort,
  });
  return (row as [number | null])[0] ?? Number.MIN_SAFE_INTEGER;
}

/**
 * A column of the single row in which a statement returns data of the history: what is dropped, and
 * this, change together.
 */
export const lowestKept = "(select min(revision) from watermark)";

/**
 * Fails with PAGE_TOKEN_EXPIRED if data that was current at a watermark may be gone. lowest: the
 * value of lowestKept.
 */
export function assertKept(watermark: number, lowest: unknown): void {
  if ((lowest as number) > watermark) throw passed();
}

/** A row that was current at the watermark is gone. */
export function passed(): Failure {
  return new Failure(
    "PAGE_TOKEN_EXPIRED",
    "some of what this read goes through was replaced by late data more than 20 minutes ago and is gone: start again from the last time seen",
  );
}
