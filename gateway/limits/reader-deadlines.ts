// Deadlines for reading an answer: counts unread answers against their callers' share of unread
// bytes, and ends them after a while with a specific error.
import { Code, type ConnectError } from "@connectrpc/connect";
import type { Loan, Shares } from "../../access/shares.ts";
import { type Caller, shareName } from "../caller/caller.ts";
import { reasonError } from "../errors/reasons.ts";

export type ReaderDeadlineOptions = {
  /** Longest time without reading, in addition to the time for the waiting bytes. */
  readerTimeoutMs: number;
  /** Average rate at which a client must read waiting bytes. Default 8 KiB/s. */
  minBytesPerSecond?: number;
  /** How long an answer may wait if its caller's answers take more than its share. Default 1 s. */
  graceMs?: number;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
  /** How often to check. Default 1 s. */
  everyMs?: number;
};

/** One answer, as its writer reports it. */
export type Reader = Disposable & {
  /** This many bytes wait for the client from now on. */
  waits(bytes: number): void;
  /** The client has read them. */
  took(): void;
};

export type Reading = {
  caller: Caller;
  /** Ends the answer. */
  onSlow: (error: ConnectError) => void;
};

export type ReaderDeadlines = Disposable & {
  watch(reading: Reading): Reader;
  /** Checks every answer now. */
  look(): void;
  /** How many answers are watched. */
  readonly size: number;
};

type Answer = Reading & { loan: Loan; bytes: number; sinceMs: number | undefined };

/** `room` is in bytes, for bytes that wait to be read. */
export function createReaderDeadlines(
  options: ReaderDeadlineOptions,
  room: Shares,
): ReaderDeadlines {
  const {
    readerTimeoutMs,
    minBytesPerSecond = 8 * 1024,
    graceMs = 1_000,
    everyMs = 1_000,
  } = options;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const answers = new Set<Answer>();

  const drop = (answer: Answer) => {
    answer.loan[Symbol.dispose]();
    return answers.delete(answer);
  };
  const end = (answer: Answer, limit: string) => {
    if (drop(answer)) answer.onSlow(slowReader(limit));
  };
  /**
   * Ends the answer of a caller that has waited longest, while its answers take more than its
   * share.
   */
  const relieve = (name: string) => {
    for (let shortage = room.shortageOf(name, 0); shortage; shortage = room.shortageOf(name, 0)) {
      const victim = longestWaiting(shortage === "own" ? name : room.largest());
      if (victim === undefined) return;
      end(victim, shortage === "own" ? `unread-bytes-per-${victim.caller.kind}` : "unread-bytes");
    }
  };
  const longestWaiting = (name: string | undefined) => {
    let longest: Answer | undefined;
    for (const answer of answers) {
      const { loan, sinceMs } = answer;
      if (loan.caller !== name || sinceMs === undefined || monotonicMs() - sinceMs < graceMs)
        continue;
      if (longest === undefined || sinceMs < longest.sinceMs!) longest = answer;
    }
    return longest;
  };

  const look = () => {
    const nowMs = monotonicMs();
    const callers = new Set<string>();
    for (const answer of answers) {
      const { sinceMs, bytes, loan } = answer;
      if (sinceMs === undefined) continue;
      if (nowMs - sinceMs >= readerTimeoutMs + (bytes / minBytesPerSecond) * 1_000)
        end(answer, "reader-timeout");
      else callers.add(loan.caller);
    }
    for (const name of callers) relieve(name);
  };

  const timer = setInterval(look, everyMs).unref();
  return {
    look,
    get size() {
      return answers.size;
    },
    watch(reading) {
      const loan = room.borrowAnyway(shareName(reading.caller), 0);
      const answer: Answer = { ...reading, loan, bytes: 0, sinceMs: undefined };
      answers.add(answer);
      return {
        waits(bytes) {
          if (!answers.has(answer)) return;
          answer.sinceMs = monotonicMs();
          answer.bytes = bytes;
          loan.add(bytes - loan.amount);
          relieve(loan.caller);
        },
        took() {
          answer.sinceMs = undefined;
          loan.add(-loan.amount);
        },
        [Symbol.dispose]: () => void drop(answer),
      };
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** The error that ends a stream whose client does not read. */
export function slowReader(limit: string): ConnectError {
  const message =
    "the client did not read the response in time: read faster or ask for less, and resume after the last record read";
  return reasonError("SLOW_READER", Code.ResourceExhausted, message, {
    metadata: { limit },
    retryMs: 1_000,
  });
}
