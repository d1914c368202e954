// One subscriber's feed: from the log while behind, from memory at the head; every message starts where the last one ended. It pulls, so
// a slow subscriber costs a position, not memory.
import { create } from "@bufbuild/protobuf";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { type WatchSignalsResponse, WatchSignalsResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
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
  toCursor: (revision: number) => string;
  /** Messages that subscribers of one filter share, so each is encoded once. */
  shared: SharedMessages;
  bookmarkMs: number;
  signal: AbortSignal;
};

const maxMessageBytes = 4 * 1024 * 1024;

/** Yields until the signal is aborted, then throws its reason. The first message comes at once. */
export async function* follow(options: FollowOptions): AsyncGenerator<WatchSignalsResponse, never, undefined> {
  const { tail, filter, readLog, signal } = options;
  let sent = options.after;
  let position = options.after;
  const message = (through: number, committedUs: number | undefined, batches: Batch[]) => {
    const built = options.shared.get(filter.key, {
      after: sent,
      through,
      committedUs,
      batches,
      toCursor: options.toCursor,
    });
    sent = position = through;
    return built;
  };
  yield message(position, position === tail.head.revision ? tail.head.committedUs : undefined, []);
  using waiter = new Waiter(tail, filter, signal);
  for (;;) {
    signal.throwIfAborted();
    const commits = tail.after(position);
    if (commits === undefined && tail.mayHave(filter.machines, position)) {
      const page = await readLog({ after: position, through: tail.head.revision });
      const batches = page.commits.flatMap(({ batch }) => project(batch, filter) ?? []);
      if (batches.length > 0) yield message(page.through, page.committedUs, batches);
      position = page.through;
      continue;
    }
    const { through, committedUs, batches } = collect(commits ?? [], filter, tail);
    position = through;
    if (batches.length > 0) yield message(through, committedUs, batches);
    else if (position === tail.head.revision && (await waiter.wait(options.bookmarkMs)) === "idle") {
      position = tail.mayHave(filter.machines, position) ? position : tail.head.revision;
      yield message(position, position === tail.head.revision ? tail.head.committedUs : undefined, []);
    }
  }
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
  #woken = false;
  #resolve: ((why: "woken" | "idle") => void) | undefined;

  constructor(tail: Tail, filter: Filter, signal: AbortSignal) {
    this.#signal = signal;
    this.#subscription = tail.listen({ machines: filter.machines, wake: () => this.#settle("woken") });
  }

  #settle(why: "woken" | "idle"): void {
    this.#woken = true;
    this.#resolve?.(why);
  }

  async wait(idleMs: number): Promise<"woken" | "idle"> {
    if (this.#woken) {
      this.#woken = false;
      return "woken";
    }
    const abort = () => this.#settle("woken");
    const timer = setTimeout(() => this.#resolve?.("idle"), idleMs);
    this.#signal.addEventListener("abort", abort, { once: true });
    try {
      return await new Promise((resolve) => {
        this.#resolve = resolve;
        if (this.#signal.aborted) resolve("woken");
      });
    } finally {
      this.#resolve = undefined;
      this.#woken = false;
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", abort);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
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
  readonly #onBuilt: (message: WatchSignalsResponse) => void;
  readonly #last = new Map<string, { after: number; through: number; message: WatchSignalsResponse }>();
  readonly #maxFilters: number;

  /** onBuilt: told of each message with records before it is first sent. */
  constructor(onBuilt: (message: WatchSignalsResponse) => void, maxFilters = 4096) {
    this.#onBuilt = onBuilt;
    this.#maxFilters = maxFilters;
  }

  get(key: string, { after, through, committedUs, batches, toCursor }: Stretch): WatchSignalsResponse {
    const last = this.#last.get(key);
    if (batches.length > 0 && last?.after === after && last.through === through) return last.message;
    const message = create(WatchSignalsResponseSchema, { after: toCursor(after), through: toCursor(through), batches });
    if (committedUs !== undefined) {
      const seconds = Math.floor(committedUs / 1e6);
      message.commitTime = {
        $typeName: "google.protobuf.Timestamp",
        seconds: BigInt(seconds),
        nanos: (committedUs - seconds * 1e6) * 1000,
      };
    }
    if (batches.length > 0) {
      this.#onBuilt(message);
      this.#last.delete(key);
      this.#last.set(key, { after, through, message });
      if (this.#last.size > this.#maxFilters) this.#last.delete(this.#last.keys().next().value!);
    }
    return message;
  }
}
