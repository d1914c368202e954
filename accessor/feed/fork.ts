// What a fork of the history means to those who watch and read here: they go on with it, or what was published has been given up.
import type { CursorFormat, Epoch } from "../cursor.ts";
import { Failure } from "../failure.ts";
import type { Tail } from "./tail.ts";

/**
 * Goes on in another history that is the same below the fork. False, and all feeds end, if more was published here: those that passed the fork are
 * told so by name, with the last cursor that both histories have.
 */
export function followFork(
  { cursors, tail }: { cursors: CursorFormat; tail: Tail },
  { epochs, fork: revision }: { epochs: readonly Epoch[]; fork: number },
): boolean {
  const failure = new Failure(
    "CURSOR_FOREIGN",
    "the newest commits that this was sent were given up when the database was promoted or restored: " +
      "read again what they were about, or go on after latest_cursor",
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

/** For whoever asks a process that starts again. */
export function starting(): Failure {
  return new Failure(
    "SHUTTING_DOWN",
    "the database was promoted or restored, and this server starts again: try again",
    {
      retryAfterMs: 1_000,
    },
  );
}
