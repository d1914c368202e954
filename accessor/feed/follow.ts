// One subscriber's feed: from the log while it is behind, from memory at the head; every message
// starts where the last one ended. The feed pulls, so a slow subscriber costs a position, not
// memory.
import { create } from "@bufbuild/protobuf";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import {
  type WatchSignalsResponse,
  WatchSignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { batchBytes, splitBatch } from "../../codec/wire/batch-bytes.ts";
import { failpoint } from "../../runtime/failpoint.ts";
import type { Commit } from "../store/log.ts";
import { type Filter, project } from "./filter.ts";
import type { SentByFeeds } from "./sent.ts";
import type { Tail } from "./tail.ts";

export type FollowOptions = {
  tail: Tail;
  filter: Filter;
  /** Start after this revision, which must not be above the head or below the start of the log. */
  after: number;
  /**
   * Reads a page of matching commits from the log. Fails with CURSOR_EXPIRED if the log no longer
   * has them.
   */
  readLog: (range: {
    after: number;
    through: number;
  }) => Promise<{ commits: Commit[]; through: number; committedUs: number | undefined }>;
  /** Largest message. Default 3 MiB; for tests. */
  maxMessageBytes?: number;
  /** When a revision was committed; undefined if that is not known. */
  readCommitTime: (revision: number) => Promise<number | undefined>;
  toCursor: (revision: number) => string;
  /**
   * The cursor of `after` as the subscriber gave it: a cursor of an earlier epoch differs from
   * ours. Default toCursor(after).
   */
  startCursor?: string | undefined;
  /** Messages that subscribers of one filter share, so each is encoded once. */
  shared: SharedMessages;
  /** Counts what is sent. */
  sent: SentByFeeds;
  /** Longest time between two messages, if the subscriber reads them. */
  bookmarkIntervalMs: number;
  abort: AbortSignal;
};

// Most bytes of a message with several commits: half of the limit, since a subscriber is charged
// for a whole message at once.
const fullBytes = 2 * 1024 * 1024;
// Most bytes of a single commit in a message: it leaves room for the other fields below the limit.
const largestBytes = 3 * 1024 * 1024;

/**
 * Yields until the signal is aborted, then throws its reason. The first message is sent at once.
 */
export async function* follow(
  options: FollowOptions,
): AsyncGenerator<WatchSignalsResponse, never, undefined> {
  const {
    tail,
    filter,
    readLog,
    bookmarkIntervalMs,
    abort,
    maxMessageBytes = largestBytes,
  } = options;
  let sent = options.after;
  let sentAtMs = 0;
  let position = options.after;
  const message = (stretch: Matching) => {
    const { shared, toCursor } = options;
    const built = shared.get(filter.key, { ...stretch, after: sent, toCursor });
    options.sent.note(stretch.batches, stretch.bytes);
    sent = position = stretch.through;
    sentAtMs = performance.now();
    return built;
  };
  /** Yields all parts but the last of a commit that is too large for one message. */
  const parts = function* ({ batches, ...stretch }: Matching) {
    const all = [...splitBatch(batches[0]!, maxMessageBytes)];
    options.sent.note(batches, stretch.bytes);
    const cursor = options.toCursor(sent);
    for (const part of all.slice(0, -1))
      yield create(WatchSignalsResponseSchema, {
        after: cursor,
        through: cursor,
        batches: [part],
        partial: true,
      });
    // The last part must not be shared as if it were the whole commit.
    const last = {
      after: cursor,
      through: options.toCursor(stretch.through),
      batches: all.slice(-1),
    };
    sent = position = stretch.through;
    sentAtMs = performance.now();
    yield withTime(create(WatchSignalsResponseSchema, last), stretch.committedUs);
  };
  const idleMs = () => Math.max(0, sentAtMs + bookmarkIntervalMs - performance.now());
  const atHead = position === tail.head.revision;
  const committedUs = atHead ? tail.head.committedUs : await options.readCommitTime(position);
  const first = message({ through: position, committedUs, batches: [], bytes: 0 });
  first.after = options.startCursor ?? first.after;
  using _open = options.sent.enter();
  yield first;
  using waiter = new Waiter(tail, filter, abort);
  let behind = false;
  for (;;) {
    tail.assertHolds(position);
    abort.throwIfAborted();
    const commits = tail.after(position, filter.machines);
    const inLog = commits === undefined && tail.mayHave(filter.machines, position);
    if (inLog) failpoint("feed.catch-up");
    else if (behind) failpoint("feed.hand-over");
    behind = inLog;
    const matching = inLog
      ? await fromLog(readLog, { after: position, through: tail.head.revision }, filter)
      : collect(commits ?? [], { filter, tail, maxBytes: Math.min(fullBytes, maxMessageBytes) });
    position = matching.through;
    const { batches, bytes } = matching;
    if (
      batches.length === 1 &&
      bytes > maxMessageBytes &&
      batchBytes(batches[0]!) > maxMessageBytes
    )
      yield* parts(matching);
    // Sends a bookmark too when many commits pass that do not match.
    else if (batches.length > 0 || idleMs() === 0) yield message(matching);
    else if (position === tail.head.revision) await waiter.wait(idleMs());
  }
}

/** bytes: an upper bound for the matching commits. More than fullBytes only for a single commit. */
type Matching = {
  through: number;
  committedUs: number | undefined;
  batches: Batch[];
  bytes: number;
};

async function fromLog(
  readLog: FollowOptions["readLog"],
  range: { after: number; through: number },
  filter: Filter,
): Promise<Matching> {
  const { commits, through, committedUs } = await readLog(range);
  const batches: Batch[] = [];
  let bytes = 0;
  for (const commit of commits) {
    const matching = project(commit.batch, filter);
    if (matching === undefined) continue;
    batches.push(matching);
    bytes += commit.bytes;
  }
  return { through, committedUs, batches, bytes };
}

/** Collects matching commits from memory, up to the head or as much as fits in a message. */
function collect(
  commits: readonly { revision: number; committedUs: number; batch: Batch; bytes: number }[],
  { filter, tail, maxBytes }: { filter: Filter; tail: Tail; maxBytes: number },
): Matching {
  const { head } = tail;
  const batches: Batch[] = [];
  let bytes = 0;
  let last = { revision: 0, committedUs: 0 };
  for (const { revision, committedUs, batch, bytes: size } of commits) {
    // Check the size before reading the batch: its samples may still be packed.
    if (batches.length > 0 && bytes + size > maxBytes)
      return { through: last.revision, committedUs: last.committedUs, batches, bytes };
    const matching = project(batch, filter);
    if (matching === undefined) continue;
    batches.push(matching);
    bytes += size;
    last = { revision, committedUs };
  }
  return { through: head.revision, committedUs: head.committedUs, batches, bytes };
}

function withTime(
  message: WatchSignalsResponse,
  committedUs: number | undefined,
): WatchSignalsResponse {
  if (committedUs !== undefined) message.commitTime = toTimestamp(committedUs);
  return message;
}

/** Waits for commits of a filter's machines. Commits between two waits count. */
class Waiter implements Disposable {
  readonly #abort: AbortSignal;
  readonly #subscription: Disposable;
  readonly #settle = () => {
    this.#woken = true;
    this.#resolve?.();
  };
  #woken = false;
  #resolve: (() => void) | undefined;

  constructor(tail: Tail, filter: Filter, abort: AbortSignal) {
    this.#abort = abort;
    this.#subscription = tail.listen({ machines: filter.machines, wake: this.#settle });
    // One listener for all waits: adding it for each wait would cost time for each subscriber and
    // message.
    abort.addEventListener("abort", this.#settle, { once: true });
  }

  /** Resolves at the next commit, after a time, or when the signal is aborted. */
  async wait(idleMs: number): Promise<void> {
    if (!this.#woken && !this.#abort.aborted) {
      const timer = setTimeout(this.#settle, idleMs);
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
      });
      this.#resolve = undefined;
      clearTimeout(timer);
    }
    this.#woken = false;
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    this.#abort.removeEventListener("abort", this.#settle);
  }
}

type Stretch = Matching & { after: number; toCursor: (revision: number) => string };

/** The last message of each filter: subscribers at the head all want the same one. */
export class SharedMessages {
  readonly #encode: (message: WatchSignalsResponse) => number;
  readonly #last = new Map<
    string,
    { after: number; through: number; message: WatchSignalsResponse; bytes: number }
  >();
  readonly #maxBytes: number;
  #bytes = 0;

  /**
   * encode: called with each message with records before it is first sent; returns its size.
   * maxBytes: bound on everything that is kept, encoded or not; default 64 MiB.
   */
  constructor(encode: (message: WatchSignalsResponse) => number, maxBytes = 64 * 1024 * 1024) {
    this.#encode = encode;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(
    key: string,
    { after, through, committedUs, batches, bytes: decodedBytes, toCursor }: Stretch,
  ) {
    const last = this.#last.get(key);
    if (batches.length > 0 && last?.after === after && last.through === through)
      return last.message;
    const stretch = { after: toCursor(after), through: toCursor(through), batches };
    const message = withTime(create(WatchSignalsResponseSchema, stretch), committedUs);
    if (batches.length > 0) {
      this.#drop(key);
      const bytes = this.#encode(message) + decodedBytes;
      this.#last.set(key, { after, through, message, bytes });
      this.#bytes += bytes;
      while (this.#bytes > this.#maxBytes) this.#drop(this.#last.keys().next().value!);
    }
    return message;
  }

  #drop(key: string): void {
    this.#bytes -= this.#last.get(key)?.bytes ?? 0;
    this.#last.delete(key);
  }
}
