// Runs compaction, in one accessor at a time: about every minute; step after step while there is
// work for more than one step; every ten seconds while more hours are due than a step rolls up; and
// at once while nothing is committed. Tidies every minute, and applies retention every ten.
import type { Client } from "pg";
import { sleep } from "../../runtime/backoff.ts";
import type { Log } from "../../runtime/log.ts";
import { Failure } from "../domain/failure.ts";
import { holdCommit } from "../store/compact.ts";
import { tryCompactionLock } from "../store/compaction-lock.ts";
import { sqlStateOf } from "../store/errors.ts";
import { readHeldCommits } from "../store/log-commits.ts";
import { Attempts, type AttemptsState } from "./attempts.ts";
import { Restating } from "./restate.ts";
import { type RetainOptions, retain } from "./retain.ts";
import { rollUpWhileIdle } from "./roll-up-while-idle.ts";
import { compactStep, type StepOptions, type StepResult, type Taken } from "./step.ts";
import { type TidyOptions, tidy } from "./tidy.ts";

type Shared = "database" | "catalog" | "nowUs" | "log" | "abort";

export type CompactorOptions = Omit<StepOptions, "abort" | "held" | "onTaken"> &
  Omit<TidyOptions, Shared> &
  Omit<RetainOptions, Shared> & {
    compactIntervalMs: number;
    log: Log;
    /** Runs before each step. If it fails, the step does not begin. */
    beforeStep?: (abort: AbortSignal) => Promise<void>;
    /** Where a compactor that died stopped, and what it was working on. */
    before?: Progress | undefined;
    /** Called when it begins to work on something, and when that is decided. */
    onProgress?: (progress: Progress) => void;
  };

/** State that outlives a compactor. inHand: the cause if it dies now; undefined between steps. */
export type Progress = { attempts: AttemptsState; inHand: Taken | undefined };

const tidyIntervalMs = 60_000;
const retainIntervalMs = 600_000;
// Delay after a step that failed for another reason than the database: the next step is a different
// one.
const retryMs = 2_000;
// Each step rewrites the newest blocks of all series, so a few due hours do not start one at once.
const hoursIntervalMs = 10_000;

export function startCompactor(options: CompactorOptions): AsyncDisposable {
  const { database, log, compactIntervalMs } = options;
  const stop = new AbortController();
  const { signal: abort } = stop;
  let lock: Client | undefined;
  const tidyNow = every(tidyIntervalMs, () => tidy({ ...options, abort }), log);
  const retainNow = every(retainIntervalMs, () => retain({ ...options, abort }), log);

  /**
   * The lock belongs to a session, so it is released when its process dies. It only avoids
   * duplicate work and protects nothing (begin_step() does), so a lock whose holder cannot compact
   * is ignored.
   */
  const holdLock = async (): Promise<boolean> => {
    if (lock !== undefined) return true;
    const { session, leaderless } = await tryCompactionLock(database);
    if (session === undefined) return leaderless;
    session.on("end", () => {
      if (lock === session) lock = undefined;
    });
    lock = session;
    return true;
  };

  const restating = new Restating({ ...options, abort });
  const attempts = new Attempts(options.maxRows, options.before?.attempts);
  let diedOf = options.before?.inHand;
  const tell = (inHand?: Taken) => options.onProgress?.({ attempts: attempts.state, inHand });
  /** Held commits. Each process tries each of them once more, since it may be a newer version. */
  let heldBack: number[] | undefined;
  let moreHours = false;

  /** Returns whether there is already work for another step. */
  const step = async (): Promise<boolean> => {
    await options.beforeStep?.(abort);
    heldBack ??= await readHeldCommits(database, abort);
    if (diedOf !== undefined) {
      const [taken, error] = [
        diedOf,
        new Error("the thread of compaction ended while it was at this"),
      ];
      diedOf = undefined;
      await blame(taken, error);
    }
    const [held] = heldBack;
    let taken: Taken | undefined;
    moreHours = false;
    const onTaken = (now: Taken) => {
      taken = now;
      tell(now);
    };
    try {
      const result = await compactStep({
        ...options,
        maxRows: attempts.maxRows,
        held,
        onTaken,
        abort,
      });
      if (result === undefined) return await rollUpHours();
      if (result.through > result.from) {
        if (held !== undefined)
          log.info("a commit that was held is now in the history", { revision: held });
        heldBack = heldBack.slice(held === undefined ? 0 : 1);
        attempts.succeeded();
      }
      report(log, result);
      moreHours = result.moreHours;
      return result.more;
    } catch (error) {
      if (abort.aborted || taken === undefined || isOfTheMoment(error)) throw error;
      await blame(taken, error);
      await sleep(Math.min(compactIntervalMs, retryMs), abort);
      return true;
    } finally {
      tell();
    }
  };

  /** Nothing was committed, so hours can be rolled up at once: nothing else is written. */
  const rollUpHours = async (): Promise<boolean> => {
    const result = await rollUpWhileIdle({ ...options, abort });
    if (result !== undefined) log.debug("rolled up hours", result);
    return result?.moreHours ?? false;
  };

  const blame = async (taken: Taken, error: unknown) => {
    log.warn("a step of compaction failed and will be tried again", { error, ...placeOf(taken) });
    if (taken.held !== undefined)
      heldBack = heldBack?.filter((revision) => revision !== taken.held);
    else if (attempts.failed(taken)) await passOver(taken, error);
  };

  /** Skips a commit, so that it does not block the others. */
  const passOver = async ({ from, epoch, first, unreadable }: Taken, error: unknown) => {
    const reason = reasonOf(error);
    await holdCommit(database, { from, epoch, revision: first, reason, unreadable }, { abort });
    attempts.held();
    log.error(
      "a commit could not be compacted and is held beside the log; reads still include it",
      {
        revision: first,
        reason,
        unreadable: unreadable.length,
      },
    );
  };

  const run = async () => {
    for (let more = true; more && (await holdLock()); ) {
      try {
        more = await step();
        more = (await restating.turn()) || more;
      } finally {
        // Tidy even while compaction is far behind or fails: the log needs new segments.
        if (!abort.aborted) {
          await tidyNow();
          await retainNow();
        }
      }
    }
  };

  const loop = async () => {
    while (!abort.aborted) {
      try {
        await run();
      } catch (error) {
        if (!abort.aborted) log.warn("compaction failed; it tries again", { error });
      }
      await sleep(
        moreHours ? Math.min(compactIntervalMs, hoursIntervalMs) : compactIntervalMs,
        abort,
      ).catch(() => {});
    }
  };
  const running = loop();

  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the accessor is stopping"));
      await running;
      await lock?.end().catch(() => {});
    },
  };
}

/**
 * Does the work if the interval has passed since the last attempt, successful or not. Never fails.
 */
function every(intervalMs: number, work: () => Promise<void>, log: Log): () => Promise<void> {
  let doneMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - doneMs < intervalMs) return;
    doneMs = performance.now();
    await work().catch((error: unknown) =>
      log.warn("could not drop what is no longer needed; it tries again", { error }),
    );
  };
}

/**
 * Whether a failure is unrelated to the step's data: the database is unavailable, another accessor
 * compacts, or a lock is held.
 */
function isOfTheMoment(error: unknown): boolean {
  if (!(error instanceof Failure) || error.reason !== "DATABASE_UNAVAILABLE") return false;
  // Running out of memory (including that of locks) or hitting internal limits depends on the step
  // itself.
  return !/^(53200|XX)/.test(sqlStateOf(error) ?? "");
}

function placeOf({ from, first, rows, oneCommit, held }: Taken) {
  return { from, first, rows, oneCommit, held };
}

/** The innermost message: for a failed statement, PostgreSQL's. */
function reasonOf(error: unknown): string {
  let at = error;
  while (at instanceof Error && at.cause instanceof Error) at = at.cause;
  return (at instanceof Error ? at.message : String(at)).slice(0, 500);
}

function report(log: Log, result: StepResult): void {
  log.debug("compacted", result);
  if (result.unreadable > 0)
    log.error("log rows could not be read and are quarantined", {
      rows: result.unreadable,
      through: result.through,
    });
}
