// Records batches that a spool promised and no longer has: dropped when it was full, or damaged on
// the disk.
import type { Log } from "../../runtime/log.ts";
import { createRecordFile, readRecordFile } from "./record-file.ts";
import type { Hole } from "./recover.ts";

export type Gap = Hole & {
  /** Why: dropped by the policy drop-oldest, or found damaged or missing. */
  cause: "dropped" | "damaged";
  /** The producer id of the lane, which tells whose sequences these are. */
  producerId: string;
};

const maxBytes = 4 * 2 ** 20;

export type GapLog = AsyncDisposable & {
  /**
   * Writes a gap to the file, durably, and to the log. Never rejects: the log has the gap in any
   * case.
   */
  report(gap: Gap): Promise<void>;
  /**
   * Reports the parts of these holes that are not in the file yet. Resolves with all gaps of this
   * producer id.
   */
  reportNew(producerId: string, holes: readonly Hole[]): Promise<readonly Hole[]>;
};

export function createGapLog({ path, log }: { path: string; log: Log }): GapLog {
  const file = createRecordFile({ path, maxBytes });

  async function report({ first, last, fromMs, toMs, cause, producerId }: Gap): Promise<void> {
    const entry = {
      cause,
      producerId,
      first,
      last,
      batches: last - first + 1,
      ...(fromMs === undefined ? {} : { from: new Date(fromMs).toISOString() }),
      ...(toMs === undefined ? {} : { to: new Date(toMs).toISOString() }),
    };
    log.error(
      cause === "dropped"
        ? "the spool is full: DROPPED the oldest batches"
        : "batches of the spool are LOST",
      entry,
    );
    await file
      .append([{ ...entry, recorded: new Date().toISOString() }], { durably: true })
      .catch((error: unknown) => log.error("cannot write the gap to its file", { path, error }));
  }

  return {
    report,
    async reportNew(producerId, holes) {
      const known = (await readRecordFile(path)).filter(
        (entry): entry is Gap => (entry as Partial<Gap> | null)?.producerId === producerId,
      );
      const found = holes.flatMap((hole) => subtract(hole, known));
      for (const hole of found) await report({ ...hole, cause: "damaged", producerId });
      return [...known, ...found];
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** The parts of a hole that no known range covers. */
function subtract(hole: Hole, known: readonly Hole[]): Hole[] {
  let rest: Hole[] = [hole];
  for (const { first, last } of known) {
    rest = rest.flatMap((one) =>
      last < one.first || first > one.last
        ? [one]
        : [
            { ...one, last: first - 1 },
            { ...one, first: last + 1 },
          ].filter(
            (part) => part.first >= one.first && part.last <= one.last && part.first <= part.last,
          ),
    );
  }
  return rest;
}
