// Records of some machines or signals, live, after a cursor: each once, without a gap. What arrives
// within a short time goes out together.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { watch } from "../../client/watch.ts";
import { WatchError } from "../../client/watch-error.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import { toSentence } from "../contract/failure.ts";
import type { Connection, FromWorker } from "./messages.ts";
import { type BatchRecords, recordsOf } from "./records-of.ts";

export type RecordFeedOptions = {
  client: Client<typeof SignalService>;
  id: number;
  machines: readonly string[];
  signals: readonly string[];
  after: string;
  onRecords: (message: FromWorker & { kind: "records" }) => void;
  onLost: (message: FromWorker & { kind: "lost" }) => void;
  onState: (kind: Connection["kind"], message?: string) => void;
  /** How long records wait for more. Default 50 ms: 20 messages a second. */
  everyMs?: number;
};

export class RecordFeed implements Disposable {
  readonly #options: RecordFeedOptions;
  readonly #life = new AbortController();
  #waiting: BatchRecords[] = [];
  #cursor: string;
  #commitMs: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RecordFeedOptions) {
    this.#options = options;
    this.#cursor = options.after;
    this.#run().catch(() => {});
  }

  /** Ends the feed. Returns the cursor up to which records have gone out. */
  stop(): string {
    this.#flush();
    this[Symbol.dispose]();
    return this.#cursor;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
    this.#life.abort(new Error("nobody watches these records"));
  }

  async #run(): Promise<void> {
    const { client, id, machines, signals, after, onState, onLost, everyMs = 50 } = this.#options;
    const { signal: abort } = this.#life;
    try {
      const updates = watch({
        client,
        machines,
        signals,
        after,
        abort,
        bookmarks: true,
        onState: ({ state }) => onState(state === "connected" ? "live" : "behind"),
      });
      for await (const { batches, cursor, commitTime } of updates) {
        for (const batch of batches) this.#waiting.push(recordsOf(batch, cursor));
        this.#cursor = cursor;
        const commitUs = toTimeUs(commitTime);
        if (commitUs !== undefined) this.#commitMs = commitUs / 1000;
        this.#timer ??= setTimeout(() => this.#flush(), everyMs);
      }
    } catch (error) {
      if (abort.aborted) return;
      this.#flush();
      const cause = error instanceof WatchError ? (error.cause ?? error) : error;
      if (error instanceof WatchError && error.reason === "INVALID")
        onState("refused", toSentence(cause));
      else onLost({ kind: "lost", id, message: toSentence(cause) });
    }
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#life.signal.aborted) return;
    const records = this.#waiting;
    this.#waiting = [];
    this.#options.onRecords({
      kind: "records",
      id: this.#options.id,
      records,
      cursor: this.#cursor,
      commitMs: this.#commitMs,
    });
  }
}
