// Which watermark a revision is read at, and whether what that needs is still there: superseded blocks go some time after their successors came.
import { Failure } from "../failure.ts";
import type { Database } from "./database.ts";

/**
 * The greatest watermark that is not above a revision: what is committed up to there is in the history. Fails with PAGE_TOKEN_EXPIRED for a
 * revision below the lowest watermark that is kept.
 */
export async function readWatermark(
  database: Database,
  revision: number,
  { signal }: { signal?: AbortSignal | undefined },
): Promise<number> {
  const [row] = await database.read(
    "select (select max(revision) from watermark where revision <= $1::int8)",
    [revision],
    { name: "watermark", signal },
  );
  const [watermark] = row as [number | null];
  if (watermark === null) throw passed();
  return watermark;
}

/** First column of a statement that reads the history, for assertKept: what is dropped, and this, change together. */
export const lowestKept = "(select min(revision) from watermark)";

/** Fails with PAGE_TOKEN_EXPIRED if what was current at a watermark may be gone. rows: of a statement with lowestKept; may be empty. */
export async function assertKept(database: Database, watermark: number, rows: readonly unknown[][]): Promise<void> {
  const [first] = rows.length > 0 ? rows : await database.read(`select ${lowestKept}`, [], { name: "lowest_kept" });
  if ((first as [number])[0] > watermark) throw passed();
}

/** A row that was current at the watermark is not there any more. */
export function passed(): Failure {
  return new Failure(
    "PAGE_TOKEN_EXPIRED",
    "some of what this read goes through was replaced by late data more than 20 minutes ago and is gone: start again from the last time seen",
  );
}
