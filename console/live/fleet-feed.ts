// The whole fleet, live: a snapshot, then the feed after its cursor, folded to what tiles show.
// Runs only while somebody looks.
import type { Client } from "@connectrpc/connect";
import type { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { watch } from "../../client/watch.ts";
import { WatchError } from "../../client/watch-error.ts";
import { toTimeUs } from "../../codec/timestamps.ts";
import { createBackoff, sleep } from "../../runtime/backoff.ts";
import { isPassing, toSentence } from "../contract/failure.ts";
import { MachineFolding } from "./machine-folding.ts";
import type { Connection, ErrorRecord, FromWorker, MachineNow } from "./messages.ts";
import { recordsOf } from "./records-of.ts";
import { ServerClock } from "./server-clock.ts";
import { readSnapshot } from "./snapshot.ts";

export type FleetFeedOptions = {
  client: Client<typeof SignalService>;
  /** Called at most every `everyMs`, with the machines that changed since. */
  onFleet: (message: FromWorker & { kind: "fleet" }) => void;
  onConnection: (connection: Connection) => void;
  everyMs?: number;
  /** Milliseconds since 1970. */
  now?: () => number;
};

/** Most reports that wait for the next message; the oldest of more are left out. */
const maxWaiting = 2_000;

export class FleetFeed implements Disposable {
  readonly #options: FleetFeedOptions;
  readonly #life = new AbortController();
  readonly #clock = new ServerClock();
  readonly #now: () => number;
  #machines = new Map<string, MachineFolding>();
  #changed = new Set<MachineFolding>();
  #errors: ErrorRecord[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #whole = true;
  #connection: Connection;
  /** When the feed was heard last. */
  #heardMs = 0;

  constructor(options: FleetFeedOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#connection = {
      kind: "connecting",
      sinceMs: this.#now(),
      message: "",
      clockOffsetMs: 0,
      commitMs: undefined,
    };
    this.#run().catch(() => {});
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** All machines, for a page that has just come. */
  read(): readonly MachineNow[] {
    const nowUs = this.#serverUs();
    return [...this.#machines.values()].map((one) => one.read(nowUs));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#life.abort(new Error("nobody looks at the fleet"));
  }

  async #run(): Promise<void> {
    const { signal: abort } = this.#life;
    const backoff = createBackoff({ baseMs: 250, maxMs: 5_000 });
    while (!abort.aborted) {
      try {
        await this.#follow(abort, () => backoff.reset());
      } catch (error) {
        if (abort.aborted) return;
        // A feed that cannot go on after its cursor begins again with a snapshot.
        const restarts = error instanceof WatchError && error.reason !== "INVALID";
        const cause = error instanceof WatchError ? (error.cause ?? error) : error;
        if (!restarts && !isPassing(cause)) {
          this.#connect("refused", toSentence(cause));
          return;
        }
        this.#connect(this.#connection.kind === "connecting" ? "connecting" : "behind");
        await sleep(backoff.next(), abort).catch(() => {});
      }
    }
  }

  async #follow(abort: AbortSignal, onProgress: () => void): Promise<void> {
    const { client } = this.#options;
    const { machines, cursor } = await readSnapshot(client, { nowUs: this.#serverUs(), abort });
    this.#machines = machines;
    this.#changed = new Set(machines.values());
    this.#whole = true;
    onProgress();
    this.#heardMs = this.#now();
    this.#connect("live");
    this.#schedule(0);
    const updates = watch({
      client,
      after: cursor,
      abort,
      bookmarks: true,
      onState: ({ state }) => this.#connect(state === "connected" ? "live" : "behind"),
    });
    for await (const { batches, cursor: through, commitTime } of updates) {
      const nowMs = this.#now();
      this.#heardMs = nowMs;
      const commitUs = toTimeUs(commitTime);
      if (commitUs !== undefined && batches.length > 0) {
        this.#clock.note(commitUs / 1000, nowMs);
        this.#connection = {
          ...this.#connection,
          commitMs: commitUs / 1000,
          clockOffsetMs: this.#clock.offsetMs,
        };
      }
      for (const batch of batches) {
        const machine = this.#machineOf(batch.machine);
        const records = recordsOf(batch, through);
        machine.add(records, nowMs);
        for (const report of records.errorReports)
          this.#errors.push({ machine: batch.machine, ...report });
        this.#changed.add(machine);
      }
      if (this.#errors.length > maxWaiting) this.#errors = this.#errors.slice(-maxWaiting);
      if (this.#changed.size > 0) this.#schedule(this.#options.everyMs ?? 250);
    }
  }

  #machineOf(name: string): MachineFolding {
    let machine = this.#machines.get(name);
    if (machine === undefined) {
      machine = new MachineFolding(name);
      this.#machines.set(name, machine);
    }
    return machine;
  }

  #schedule(delayMs: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const nowUs = this.#serverUs();
      const machines = [...this.#changed].map((one) => one.read(nowUs));
      const errors = this.#errors;
      const whole = this.#whole;
      this.#changed.clear();
      this.#errors = [];
      this.#whole = false;
      this.#options.onConnection(this.#connection);
      this.#options.onFleet({ kind: "fleet", whole, machines, errors });
    }, delayMs);
  }

  #connect(kind: Connection["kind"], message = ""): void {
    if (this.#connection.kind === kind && this.#connection.message === message) return;
    const sinceMs = kind === "behind" ? this.#heardMs : this.#now();
    this.#connection = { ...this.#connection, kind, message, sinceMs };
    this.#options.onConnection(this.#connection);
  }

  /** The present by the server's clock. */
  #serverUs(): number {
    return (this.#now() + this.#clock.offsetMs) * 1000;
  }
}
