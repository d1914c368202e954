// The live worker's core: which pages are there, what each wants, and one feed of the fleet for all
// pages of a caller. Knows no browser, so that tests run it in Node.
import { createClient, type Transport } from "@connectrpc/connect";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { FleetFeed } from "./fleet-feed.ts";
import type { Connection, FromWorker, ToWorker } from "./messages.ts";
import { RecordFeed } from "./record-feed.ts";

export type Port = { post(message: FromWorker, transfer?: ArrayBuffer[]): void };

export type HubOptions = {
  createTransport: (credential: string | undefined) => Transport;
  now?: () => number;
};

/** A page that said nothing for so long is gone. */
const forgottenMs = 30_000;
/** Most watches of one page. */
const maxWatches = 4;

type Page = {
  credential: string | undefined;
  seenMs: number;
  wantsFleet: boolean;
  watches: Map<number, RecordFeed>;
};

export class Hub implements Disposable {
  readonly #options: HubOptions;
  readonly #now: () => number;
  readonly #pages = new Map<Port, Page>();
  readonly #fleets = new Map<string, FleetFeed>();
  readonly #sweeper: ReturnType<typeof setInterval>;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#sweeper = setInterval(() => this.sweep(), 10_000);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweeper);
    for (const port of [...this.#pages.keys()]) this.#leave(port);
  }

  /** Forgets the pages that are gone. */
  sweep(): void {
    for (const [port, { seenMs }] of this.#pages)
      if (this.#now() - seenMs > forgottenMs) this.#leave(port);
  }

  /** How many feeds run: for tests. */
  get feeds(): number {
    let count = this.#fleets.size;
    for (const { watches } of this.#pages.values()) count += watches.size;
    return count;
  }

  receive(port: Port, message: ToWorker): void {
    if (message.kind === "hello") {
      this.#leave(port);
      const { credential } = message;
      const page = { credential, seenMs: this.#now(), wantsFleet: false, watches: new Map() };
      this.#pages.set(port, page);
      return;
    }
    if (message.kind === "bye") {
      this.#leave(port);
      return;
    }
    const page = this.#pages.get(port);
    if (page === undefined) return;
    page.seenMs = this.#now();
    if (message.kind === "fleet") this.#wantFleet(port, page, message.wanted);
    if (message.kind === "watch") this.#watch(port, page, message);
    if (message.kind === "unwatch") {
      page.watches.get(message.id)?.[Symbol.dispose]();
      page.watches.delete(message.id);
    }
  }

  #client(credential: string | undefined) {
    return createClient(SignalService, this.#options.createTransport(credential));
  }

  #wantFleet(port: Port, page: Page, wanted: boolean): void {
    page.wantsFleet = wanted;
    const { credential } = page;
    if (!wanted) {
      this.#endFleetOf(credential);
      return;
    }
    const name = credential ?? "";
    const running = this.#fleets.get(name);
    if (running !== undefined) {
      port.post({ kind: "connection", connection: running.connection });
      port.post({ kind: "fleet", whole: true, machines: running.read(), errors: [] });
      return;
    }
    const send = (message: FromWorker) => {
      for (const [to, one] of this.#pages)
        if (one.wantsFleet && one.credential === credential) to.post(message);
    };
    const feed = new FleetFeed({
      client: this.#client(credential),
      onFleet: send,
      onConnection: (connection) => send({ kind: "connection", connection }),
      now: this.#now,
    });
    this.#fleets.set(name, feed);
    port.post({ kind: "connection", connection: feed.connection });
  }

  #watch(port: Port, page: Page, { id, ...what }: ToWorker & { kind: "watch" }): void {
    page.watches.get(id)?.[Symbol.dispose]();
    if (!page.watches.has(id) && page.watches.size >= maxWatches) {
      port.post({ kind: "lost", id, message: `A page has at most ${maxWatches} watches.` });
      return;
    }
    let connection: Connection = {
      kind: "connecting",
      sinceMs: this.#now(),
      message: "",
      clockOffsetMs: 0,
      commitMs: undefined,
    };
    let heardMs = this.#now();
    const feed = new RecordFeed({
      client: this.#client(page.credential),
      id,
      ...what,
      onRecords: (message) => {
        heardMs = this.#now();
        const transfer = message.records.flatMap(({ columns }) =>
          columns.flatMap(({ timesUs, values }) => [timesUs.buffer, values.buffer]),
        );
        port.post(message, transfer as ArrayBuffer[]);
      },
      onLost: (message) => port.post(message),
      onState: (kind, message = "") => {
        // Each attempt to reconnect says again that it is behind.
        if (connection.kind === kind && connection.message === message) return;
        const sinceMs = kind === "behind" ? heardMs : this.#now();
        connection = { ...connection, kind, message, sinceMs };
        // A page that shows the fleet hears of the connection by that feed.
        if (!page.wantsFleet) port.post({ kind: "connection", connection });
      },
    });
    page.watches.set(id, feed);
  }

  #leave(port: Port): void {
    const page = this.#pages.get(port);
    if (page === undefined) return;
    this.#pages.delete(port);
    for (const feed of page.watches.values()) feed[Symbol.dispose]();
    this.#endFleetOf(page.credential);
  }

  /** Ends the feed of a caller whose fleet no page shows any more. */
  #endFleetOf(credential: string | undefined): void {
    for (const page of this.#pages.values())
      if (page.wantsFleet && page.credential === credential) return;
    this.#fleets.get(credential ?? "")?.[Symbol.dispose]();
    this.#fleets.delete(credential ?? "");
  }
}
