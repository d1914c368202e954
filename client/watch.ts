// The live feed as one unbroken sequence: reconnects by itself after its last cursor, and checks
// that nothing is skipped or repeated.
import { create } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import type {
  SignalService,
  WatchSignalsRequest,
  WatchSignalsResponse,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { batchBytes, joinBatches } from "../codec/wire/batch-bytes.ts";
import { type Backoff, createBackoff, sleep as realSleep } from "../runtime/backoff.ts";
import { commitTooLarge, FeedBreakError, toWatchError, type WatchError } from "./watch-error.ts";

/**
 * Most bytes of one commit that are held until it is complete. A commit is one batch: at most 4 MiB
 * of texts and 65,536 records, whose times and numbers add at most 4.3 MiB. No commit has twice
 * that.
 */
const maxCommitBytes = 16 * 1024 * 1024;

export type WatchOptions = {
  client: Pick<Client<typeof SignalService>, "watchSignals">;
  /** Only these; default all. */
  machines?: readonly string[];
  signals?: readonly string[];
  /** Only machines with these labels, each "key:value"; they come in and go out as they change. */
  labels?: readonly string[];
  /**
   * Starts after this cursor, or with the first commit at or after `sinceUs`; with neither, now.
   */
  after?: string;
  sinceUs?: number;
  /** Ends the watch: it then throws the abort signal's reason. */
  abort: AbortSignal;
  /** Also yield updates without batches, which only move the cursor on. Default false. */
  bookmarks?: boolean;
  /**
   * A connection on which nothing arrives for this long is dead. Default 15 s, three of the
   * server's bookmark intervals.
   */
  silenceMs?: number;
  /** Delays between attempts. Default 100 ms to 5 s, jittered. */
  backoff?: Backoff;
  sleep?: (ms: number, abort: AbortSignal) => Promise<void>;
  onState?: (state: WatchState) => void;
};

/**
 * reconnecting: what happened, a FeedBreakError if the server skipped or repeated something, and
 * when the next attempt is.
 */
export type WatchState =
  | { state: "connected" }
  | { state: "reconnecting"; error: unknown; delayMs: number };

/** Whole commits: every matching record after the last update's cursor, up to this one's. */
export type WatchUpdate = {
  /** In commit order; each is a producer's batch, or the part of it that matches. */
  batches: Batch[];
  /** Watch after it to go on. Store it together with the results of the batches. */
  cursor: string;
  /** Time of the last commit up to the cursor, by the database's clock. */
  commitTime: Timestamp | undefined;
};

/**
 * Yields each record that matches once, in commit order, whatever happens to connections and
 * servers, until `abort` aborts. Then it throws the reason. It throws a WatchError for what
 * reconnecting cannot mend: a cursor that is expired, foreign or in the future, an invalid request,
 * or a commit that does not end. A message that does not start where the last one ended is never
 * yielded: the watch reconnects after its last cursor.
 */
export async function* watch(options: WatchOptions): AsyncGenerator<WatchUpdate, never, undefined> {
  const { abort, onState, bookmarks = false, sleep = realSleep } = options;
  const backoff = options.backoff ?? createBackoff({ baseMs: 100, maxMs: 5_000 });
  let cursor = options.after;
  let foreign: WatchError | undefined;
  for (;;) {
    abort.throwIfAborted();
    using connection = new Connection(options, cursor);
    let problem: unknown;
    let connected = false;
    const parts: Batch[] = [];
    let partBytes = 0;
    for (;;) {
      let message: WatchSignalsResponse | undefined;
      try {
        message = await connection.next();
        if (message === undefined)
          throw new ConnectError("the server ended the feed", Code.Unavailable);
        if (cursor !== undefined && message.after !== cursor)
          throw new FeedBreakError({ expected: cursor, got: message.after });
        if (message.partial)
          partBytes = message.batches.reduce((sum, part) => sum + batchBytes(part), partBytes);
        if (partBytes > maxCommitBytes) throw commitTooLarge(cursor, maxCommitBytes);
      } catch (error) {
        problem = error;
        break;
      }
      const { through, commitTime } = message;
      let { batches } = message;
      if (message.partial) {
        // Parts of one commit, which is yielded whole or not at all: after a connection that breaks
        // before its end, the commit starts again.
        for (const part of batches) parts.push(part);
        continue;
      }
      const [first, ...rest] = parts.splice(0);
      partBytes = 0;
      if (first !== undefined) batches = [joinBatches([first, ...rest, ...batches])];
      cursor = through;
      if (!connected) onState?.({ state: "connected" });
      // Only progress of the feed counts as success: otherwise a server that breaks at once would
      // be called without pause.
      if (connected) backoff.reset();
      connected = true;
      foreign = undefined;
      if (batches.length > 0 || bookmarks) yield { batches, cursor, commitTime };
    }
    abort.throwIfAborted();
    const fatal = toWatchError(problem);
    // An error overtakes messages that are not read yet. The server has given up the commits that
    // it sent; a resume shows whether this includes those read here.
    if (fatal?.reason === "CURSOR_FOREIGN" && connected) foreign = fatal;
    else if (fatal?.reason === "CURSOR_FOREIGN") throw foreign ?? fatal;
    else if (fatal !== undefined) throw fatal;
    const delayMs = Math.max(backoff.next(), retryDelayMs(problem));
    onState?.({ state: "reconnecting", error: problem, delayMs });
    connection[Symbol.dispose]();
    await sleep(delayMs, abort);
  }
}

/** One call of WatchSignals, ended when nothing comes, and when it is disposed of. */
class Connection implements Disposable {
  readonly #call = new AbortController();
  readonly #abort: AbortSignal;
  readonly #silenceMs: number;
  readonly #messages: AsyncIterator<WatchSignalsResponse>;
  readonly #cancel = () => this.#call.abort(this.#abort.reason);

  constructor(
    { client, machines, signals, labels, sinceUs, abort, silenceMs = 15_000 }: WatchOptions,
    after?: string,
  ) {
    this.#abort = abort;
    this.#silenceMs = silenceMs;
    abort.addEventListener("abort", this.#cancel, { once: true });
    const request = {
      machines: [...(machines ?? [])],
      signals: [...(signals ?? [])],
      labels: [...(labels ?? [])],
      start: toStart(after, sinceUs),
    };
    this.#messages = client
      .watchSignals(request, { signal: this.#call.signal })
      [Symbol.asyncIterator]();
  }

  /** Time counts only while a reader waits: a slow reader does not make a connection dead. */
  async next(): Promise<WatchSignalsResponse | undefined> {
    const silent = () => {
      this.#call.abort(
        new ConnectError(`nothing came for ${this.#silenceMs} ms`, Code.DeadlineExceeded),
      );
    };
    const timer = setTimeout(silent, this.#silenceMs);
    try {
      const { done, value } = await this.#messages.next();
      return done ? undefined : value;
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#abort.removeEventListener("abort", this.#cancel);
    this.#call.abort(new ConnectError("the watch has left this connection", Code.Canceled));
  }
}

function toStart(
  after: string | undefined,
  sinceUs: number | undefined,
): WatchSignalsRequest["start"] {
  if (after !== undefined) return { case: "afterCursor", value: after };
  if (sinceUs === undefined) return { case: undefined };
  const seconds = Math.floor(sinceUs / 1e6);
  const time = create(TimestampSchema, {
    seconds: BigInt(seconds),
    nanos: (sinceUs - seconds * 1e6) * 1000,
  });
  return { case: "fromCommitTime", value: time };
}

/** How long the server asks to wait; 0 if it does not. */
function retryDelayMs(problem: unknown): number {
  const delay =
    problem instanceof ConnectError
      ? problem.findDetails(RetryInfoSchema)[0]?.retryDelay
      : undefined;
  return delay === undefined
    ? 0
    : Math.min(60_000, Number(delay.seconds) * 1000 + delay.nanos / 1e6);
}
