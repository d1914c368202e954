// Handles a fork of the history for feeds and reads of this accessor: they continue, or end if
// published commits have been given up.
import type { Log } from "../../runtime/log.ts";
import type { CursorFormat, Epoch } from "../domain/cursor.ts";
import { Epochs } from "../domain/epochs.ts";
import { Failure } from "../domain/failure.ts";
import type { Database } from "../store/database.ts";
import { readEpochs } from "../store/identity.ts";
import type { Tail } from "./tail.ts";

export type ForkOptions = {
  /** As read at the start. */
  epochs: readonly Epoch[];
  cursors: CursorFormat;
  tail: () => Tail;
  /** Forgets what is valid only in one epoch: the ids that it assigned. */
  forget: () => void;
  /**
   * Called with the reason why this process must end: commits that it published have been given up.
   */
  onGivenUp: (message: string) => void;
  log: Log;
};

export function createEpochs(database: Database, options: ForkOptions): Epochs {
  const { epochs, cursors, log } = options;
  return new Epochs({
    epochs,
    read: () => readEpochs(database),
    onMoved(moved, fork) {
      const tail = options.tail();
      if (!followFork({ cursors, tail }, { epochs: moved, fork })) {
        // Let the feeds end first, with their own error.
        const published = `this accessor had published revision ${tail.head.revision}`;
        const message = `this database was promoted or restored without revision ${fork}, but ${published}`;
        setImmediate(() => options.onGivenUp(message));
        throw starting();
      }
      options.forget();
      log.warn("this database was promoted or restored: its history continues in a new epoch", {
        revision: fork,
      });
    },
  });
}

/**
 * Continues in another history that is the same below the fork. Returns false and ends all feeds if
 * more was published here: feeds beyond the fork get their own error, with the last cursor that
 * both histories share.
 */
function followFork(
  { cursors, tail }: { cursors: CursorFormat; tail: Tail },
  { epochs, fork: revision }: { epochs: readonly Epoch[]; fork: number },
): boolean {
  const failure = new Failure(
    "CURSOR_FOREIGN",
    "the newest commits that this feed delivered were lost when the database was promoted or restored: " +
      "read the affected range again, or resume after latest_cursor",
    { metadata: { latest_cursor: cursors.encode(revision - 1) } },
  );
  if (tail.head.revision >= revision) {
    tail.end({ revision, failure, rest: starting() });
    return false;
  }
  cursors.moveTo(epochs);
  tail.cutBack({ revision, failure });
  return true;
}

/** For calls to a process that is about to restart. */
function starting(): Failure {
  return new Failure(
    "SHUTTING_DOWN",
    "the database was promoted or restored, and this server restarts: try again",
    {
      retryAfterMs: 1_000,
    },
  );
}
