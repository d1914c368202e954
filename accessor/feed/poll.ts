// Learns of other accessors' commits: by asking, and sooner by PostgreSQL's NOTIFY, which is only a hint and may be lost.
import type { Client } from "pg";
import type { Log } from "../../runtime/log.ts";
import type { Database } from "../store/database.ts";
import { readHead } from "../store/log.ts";
import type { Tail } from "./tail.ts";

const channel = "millrace_commit";

export type PollOptions = {
  database: Database;
  tail: Tail;
  log: Log;
  pollMs: number;
  /** At most one hint in this time: a commit with NOTIFY takes a lock that is one for the whole database. */
  hintMs: number;
  /** Told whether the database answered. */
  onAnswer: (answered: boolean) => void;
};

/** Polls, listens and hints until disposed. hint: call after own commits. */
export function startPolling(options: PollOptions): AsyncDisposable & { hint: () => void } {
  const { database, tail, log, pollMs, hintMs, onAnswer } = options;
  const stop = new AbortController();
  let listener: Client | undefined;
  let hintTimer: NodeJS.Timeout | undefined;
  let wake = () => {};

  const ask = async () => {
    try {
      const { revision } = await readHead(database);
      tail.notice(revision);
      onAnswer(true);
    } catch (error) {
      onAnswer(false);
      log.debug("the database did not answer a poll", { error });
    }
  };

  const listen = async () => {
    if (listener !== undefined) return;
    try {
      const client = await database.connect();
      client.on("notification", () => wake());
      client.on("end", () => {
        if (listener === client) listener = undefined;
      });
      await client.query(`listen ${channel}`);
      listener = client;
    } catch (error) {
      log.debug("cannot listen for commits; polls go on", { error });
    }
  };

  const loop = async () => {
    while (!stop.signal.aborted) {
      await listen();
      await ask();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pollMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (stop.signal.aborted) wake();
      });
    }
  };
  const running = loop();

  return {
    hint() {
      hintTimer ??= setTimeout(() => {
        hintTimer = undefined;
        listener?.query(`notify ${channel}`).catch(() => {});
      }, hintMs);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      clearTimeout(hintTimer);
      wake();
      await running;
      await listener?.end().catch(() => {});
    },
  };
}
