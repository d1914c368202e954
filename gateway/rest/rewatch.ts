// A feed that survives restarts of the accessor: when the accessor is unavailable, it watches again
// after the last cursor, for as long as the client stays.
//
// Not client/watch.ts, which behaves differently: it retries a first failure, which REST must know
// before it sends a status; it joins the parts of a commit into one message of up to 16 MiB, while
// this feed's writer sends them one after the other and counts their bytes as received; and its
// updates have no `after`, which the event "ready" shows.
import { Code, ConnectError } from "@connectrpc/connect";
import type { WatchSignalsResponse } from "#gen/millrace/v1/signal_service_pb.ts";
import { createBackoff, sleep } from "../../runtime/backoff.ts";

type Messages = AsyncIterator<WatchSignalsResponse, void, undefined>;

/** The result of the first attempt to watch. */
export type Attempt =
  | { messages: Messages; first: IteratorResult<WatchSignalsResponse, void> }
  | { failure: unknown };

export type RewatchOptions = {
  /** Opens the feed after a cursor. */
  watch: (after: string) => AsyncIterable<WatchSignalsResponse>;
  attempt: Attempt;
  /** The cursor that the attempt started after, if there is one. */
  after: string | undefined;
  /**
   * Aborted when the client has left or the gateway stops: then the feed's own error is passed on.
   */
  abort: AbortSignal;
  /** The longest wait between two attempts. Default 5 s. */
  maxDelayMs?: number | undefined;
};

/** Waits for the first message, so that a refusal can be distinguished from a feed that begins. */
export async function tryWatch(feed: AsyncIterable<WatchSignalsResponse>): Promise<Attempt> {
  const messages = feed[Symbol.asyncIterator]() as Messages;
  try {
    return { messages, first: await messages.next() };
  } catch (failure) {
    return { failure };
  }
}

/** Whether waiting helps. */
export const isUnavailable = (error: unknown): boolean =>
  ConnectError.from(error).code === Code.Unavailable;

/**
 * Messages without gap or repetition across any number of interruptions. Fails as the feed fails,
 * except with Unavailable once there is a cursor: then it waits and retries, after a fifth of a
 * second at first and then longer, at most `maxDelayMs`.
 */
export async function* rewatch({
  watch,
  attempt,
  after,
  abort,
  maxDelayMs = 5_000,
}: RewatchOptions): AsyncGenerator<WatchSignalsResponse, void, undefined> {
  const backoff = createBackoff({ baseMs: 200, maxMs: maxDelayMs });
  let through = after;
  let now: Attempt | undefined = attempt;
  for (;;) {
    now ??= await tryWatch(watch(through!));
    try {
      if ("failure" in now) throw now.failure;
      const { messages } = now;
      try {
        // Parts of one commit are sent when the last one has arrived: after an interruption all of
        // them come again.
        const parts: WatchSignalsResponse[] = [];
        for (let next = now.first; !next.done; next = await messages.next()) {
          backoff.reset();
          parts.push(next.value);
          if (next.value.partial) continue;
          through = next.value.through;
          yield* parts.splice(0);
        }
      } finally {
        await messages.return?.();
      }
      return;
    } catch (error) {
      if (through === undefined || abort.aborted || !isUnavailable(error)) throw error;
    }
    now = undefined;
    await sleep(backoff.next(), abort);
  }
}
