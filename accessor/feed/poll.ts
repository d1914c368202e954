// Learns of other accessors' commits: by polling, and sooner by PostgreSQL's NOTIFY, which is only
// a hint and may be lost.
import type { Log } from "../../runtime/log.ts";
import type { Epochs } from "../domain/epochs.ts";
import { type CommitHints, openCommitHints } from "../store/commit-hints.ts";
import type { Database } from "../store/database.ts";
import { pollHead } from "../store/log.ts";
import type { Tail } from "./tail.ts";

// A database that takes longer to read one row by index counts as unavailable.
const answerMs = 5_000;

export type PollOptions = {
  database: Database;
  tail: Tail;
  epochs: Epochs;
  log: Log;
  pollMs: number;
  /**
   * At most one hint in this time: a commit with NOTIFY takes a lock that the whole database
   * shares. undefined: no hints.
   */
  hintMs: number | undefined;
  /**
   * Called with the number of times that declarations of series have changed, here or in another
   * accessor.
   */
  onRedeclared: (count: number) => Promise<void>;
  /** Called after each poll with whether the database can write; undefined: it did not answer. */
  onPoll: (mayWrite: boolean | undefined) => void;
  /**
   * Called when the database lacks commits that were published here, because it was restored to an
   * earlier point.
   */
  onSetBack: (message: string) => void;
};

/** Polls, listens and hints until disposed. hint: call after own commits. */
export function startPolling(options: PollOptions): AsyncDisposable & { hint: () => void } {
  const { database, tail, epochs, log, pollMs, hintMs, onRedeclared, onPoll, onSetBack } = options;
  const stop = new AbortController();
  let hints: CommitHints | undefined;
  let hintTimer: NodeJS.Timeout | undefined;
  let hinted = false;
  let wake = () => {};

  const ask = async () => {
    try {
      const published = tail.head.revision;
      const { revision, mayWrite, epoch, redeclared } = await pollHead(database, {
        abort: AbortSignal.timeout(answerMs),
      });
      // Follow the epoch before anything of another history is published.
      await epochs.follow(epoch);
      await onRedeclared(redeclared);
      if (revision < published)
        onSetBack(`the database is at revision ${revision}, and ${published} was published`);
      tail.notice(revision);
      onPoll(mayWrite);
    } catch (error) {
      onPoll(undefined);
      log.debug("the database did not answer a poll", { error });
    }
  };

  const listen = async () => {
    if (hints !== undefined || hintMs === undefined) return;
    try {
      hints = await openCommitHints(database, {
        onHint() {
          hinted = true;
          wake();
        },
        onEnd() {
          hints = undefined;
        },
      });
    } catch (error) {
      log.debug("cannot listen for commits; polls go on", { error });
    }
  };

  const loop = async () => {
    while (!stop.signal.aborted) {
      await listen();
      hinted = false;
      await ask();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (hinted || stop.signal.aborted) wake();
      });
    }
  };
  const running = loop();

  return {
    hint() {
      hintTimer ??= setTimeout(() => {
        hintTimer = undefined;
        hints?.send();
      }, hintMs);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      clearTimeout(hintTimer);
      wake();
      await running;
      await hints?.[Symbol.asyncDispose]();
    },
  };
}
