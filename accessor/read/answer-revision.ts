// Chooses the revision of an answer, and holds what every read uses: the database, the catalog, the
// tail of the log and the cursors.
import type { CursorFormat } from "../domain/cursor.ts";
import type { Epochs } from "../domain/epochs.ts";
import type { Tail } from "../feed/tail.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { type Head, readHead } from "../store/log.ts";

/** The part of the catalog that answers use: all of it, or the part that a caller may see. */
export type Listing = Pick<
  Catalog,
  "select" | "machines" | "machineName" | "anyOf" | "signalNames"
>;

export type Reads = {
  database: Database;
  catalog: Listing;
  tail: Tail;
  cursors: CursorFormat;
  epochs: Epochs;
};

/**
 * The commit that an answer reflects: the newest that this accessor has published, once it has
 * published the commit of minCursor.
 */
export async function answerHead(
  { database, tail, cursors, epochs }: Reads,
  minCursor: string,
  abort: AbortSignal,
): Promise<Head> {
  tail.assertHolds(0);
  if (minCursor === "") return tail.head;
  const head = await knownHead({ database, tail, epochs });
  const wanted = cursors.decode(minCursor, { field: "min_cursor", headRevision: head });
  await tail.reach(wanted, abort);
  return tail.head;
}

/** The revision of that commit. */
export async function answerRevision(
  reads: Reads,
  minCursor: string,
  abort: AbortSignal,
): Promise<number> {
  return (await answerHead(reads, minCursor, abort)).revision;
}

/**
 * The newest revision in the database: another accessor may have committed batches that are not
 * published here yet. Afterwards all epochs up to that revision are known here, and a cursor of any
 * other epoch is foreign.
 */
export async function knownHead({
  database,
  tail,
  epochs,
}: Pick<Reads, "database" | "tail" | "epochs">): Promise<number> {
  const { revision, epoch } = await readHead(database);
  await epochs.follow(epoch);
  tail.notice(revision);
  return Math.max(revision, tail.head.revision);
}
