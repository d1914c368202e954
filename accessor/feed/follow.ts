// One subscriber's feed: from the log while behind, from memory at the head; every message starts where the last one ended. It pulls, so
// a slow subscriber costs a position, not memory.
import { create } from "@bufbuild/protobuf";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { type WatchSignalsResponse, WatchSignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { failpoint } from "../../runtime/failpoint.ts";
import { toTimestamp } from "../../samples/timestamps.ts";
import type { Commit } from "../store/log.ts";
import { type Filter, project } from "./filter.ts";
import type { Tail } from "./tail.ts";

export type FollowOptions = {
  tail: Tail;
  filter: Filter;
  /** Start after this revision: it is not above the head and not below what the log holds. */
  after: number;
  /** What of the log matches, as far as a page goes. Fails with CURSOR_EXPIRED if the log no longer holds it. */
  readLog: (range: {
    after: number;
    through: number;
  }) => Promise<{ commits: Commit[]; through: number; committedUs: number | undefined }>;
  /** When a revision was committed; undefined if that is not known. */
  readCommitTime: (revision: number) => Promise<number | undefined>;
  toCursor: (revision: number) => string;
  /** The cursor of `after` as the subscriber gave it: of an earlier epoch it reads otherwise than ours. Default toCursor(after). */
  startCursor?: string | undefined;
  /** Messages that subscribers of one filter share, so each is encoded once. */
  shared: SharedMessages;
  /** Longest time between two messages, if the subscriber takes them. */
  bookmarkMs: number;
  signal: AbortSignal;
};

const maxMessageBytes = 4 * 1024 * 1024;

/** Yields until the signal is aborted, then throws its reason. The first message comes at once. */
export async function* follow(options: FollowOptions): AsyncGenerator<WatchSignalsResponse, never, undefined> {
  const { tail, filter, readLog, bookmarkMs, signal } = options;
  let sent = options.after;
  let sentAtMs = 0;
  let position = options.after;
  const message = (through: number, committedUs: number | undefined, batches: Batch[]) => {
    const { shared, toCursor } = options;
    const built = shared.get(filter.key, { after: sent, through, committedUs, batches, toCursor });
    sent = position = through;
    sentAtMs = performance.now();
    return built;
  };
  const idleMs = () => Math.max(0, sentAtMs + bookmarkMs - performance.now());
  const atHead = position === tail.head.revision;
  const first = message(position, atHead ? tail.head.committedUs : await options.readCommitTime(position), []);
  first.after = options.startCursor ?? first.after;
  yield first;
  using waiter = new Waiter(tail, filter, signal);
  let behind = false;
  for (;;) {
    signal.throwIfAborted();
    const commits = tail.after(position, filter.machines);
    const inLog = commits === undefined && tail.mayHave(filter.machines, position);
    if (inLog) failpoint("feed.catch-up");
    else if (behind) failpoint("feed.hand-over");
    behind = inLog;
    const { through, committedUs, batches } = inLog
      ? await fromLog(readLog, { after: position, through: tail.head.revision }, filter)
      : collect(commits ?? [], filter, tail);
    position = through;
    // A bookmark also where much goes by that does not match.
    if (batches.length > 0 || idleMs() === 0) yield message(through, committedUs, batches);
    else if (position === tail.head.revision) await waiter.wait(idleMs());
  }
}

async function fromLog(readLog: FollowOptions["readLog"], range: { after: number; through: number }, filter: Filter) {
  const { commits, through, committedUs } = await readLog(range);
  return { through, committedUs, batches: commits.flatMap(({ batch }) => project(batch, filter) ?? []) };
}

/** What matches in memory, up to the head or as much as a message holds. */
function collect(
  commits: readonly { revision: number; committedUs: number; batch: Batch; bytes: number }[],
  filter: Filter,
  tail: Tail,
) {
  const batches: Batch[] = [];
  let bytes = 0;
  for (const { revision, committedUs, batch, bytes: size } of commits) {
    const matching = project(batch, filter);
    if (matching === undefined) continue;
    batches.push(matching);
    bytes += size;
    if (bytes >= maxMessageBytes) return { through: revision, committedUs, batches };
  }
  return { through: tail.head.revision, committedUs: tail.head.committedUs, batches };
}

/** Waits for commits of a filter's machines. Commits between two waits count. */
class Waiter implements Disposable {
  readonly #signal: AbortSignal;
  readonly #subscription: Disposable;
  readonly #settle = () => {
    this.#woken = true;
    this.#resolve?.();
  };
  #woken = false;
  #resolve: (() => void) | undefined;

  constructor(tail: Tail, filter: Filter, signal: AbortSignal) {
    this.#signal = signal;
    this.#subscription = tail.listen({ machines: filter.machines, wake: this.#settle });
    // Once for all waits: each has a cost for each subscriber and message.
    signal.addEventListener("abort", this.#settle, { once: true });
  }

  /** Resolves at the next commit, after a time, or when the signal is aborted. */
  async wait(idleMs: number): Promise<void> {
    if (!this.#woken && !this.#signal.aborted) {
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
    this.#signal.removeEventListener("abort", this.#settle);
  }
}

type Stretch = {
  after: number;
  through: number;
  committedUs: number | undefined;
  batches: Batch[];
  toCursor: (revision: number) => string;
};

/** The last message of each filter: subscribers at the head all want the same one. */
export class SharedMessages {
  readonly #encode: (message: WatchSignalsResponse) => number;
  readonly #last = new Map<string, { after: number; through: number; message: WatchSignalsResponse; bytes: number }>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** encode: given each message with records before it is first sent; says its size. maxBytes: of all that is kept; default 64 MiB. */
  constructor(encode: (message: WatchSignalsResponse) => number, maxBytes = 64 * 1024 * 1024) {
    this.#encode = encode;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string, { after, through, committedUs, batches, toCursor }: Stretch): WatchSignalsResponse {
    const last = this.#last.get(key);
    if (batches.length > 0 && last?.after === after && last.through === through) return last.message;
    const message = create(WatchSignalsResponseSchema, { after: toCursor(after), through: toCursor(through), batches });
    if (committedUs !== undefined) message.commitTime = toTimestamp(committedUs);
    if (batches.length > 0) {
      this.#drop(key);
      const bytes = this.#encode(message);
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
