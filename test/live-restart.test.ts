// `curl -N` on a live feed, with real processes: the gateway is stopped and killed under it, curl
// comes back with Last-Event-ID, and nothing is missing or repeated.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { eventually } from "./testing/eventually.ts";
import { testDatabase } from "./testing/postgres.ts";
import { type Service, startAccessor, startGateway, startProducer } from "./testing/processes.ts";

type Row = { machine: string; signal: string; time: string; value?: number };

/**
 * The output of curl, event by event as a browser would parse it: only events that an empty line
 * completes.
 */
class Feed {
  readonly rows: Row[] = [];
  lastEventId = "";
  events = 0;
  #text = "";

  take(chunk: string): void {
    const events = (this.#text + chunk).split("\n\n");
    this.#text = events.pop()!;
    for (const event of events) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(event)?.[1];
      const id = field("id");
      if (id !== undefined) this.lastEventId = id;
      if (field("event") !== undefined || field("data") === undefined) continue;
      this.events++;
      this.rows.push(...(JSON.parse(field("data")!) as { signals: Row[] }).signals);
    }
  }

  /** A new connection does not continue the last one's unfinished event. */
  reconnect(url: string): ChildProcess {
    this.#text = "";
    const resume = this.lastEventId === "" ? [] : ["-H", `Last-Event-ID: ${this.lastEventId}`];
    const curl = spawn("curl", ["-sS", "-N", ...resume, url], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    curl.stdout!.setEncoding("utf8").on("data", (chunk: string) => this.take(chunk));
    return curl;
  }
}

const keyOf = ({ machine, signal, time, value }: Row) => `${machine} ${signal} ${time} ${value}`;

async function stored(url: string, signal: string): Promise<Row[]> {
  const text = await (await fetch(`${url}/signals/${signal}?format=ndjson`)).text();
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Row);
}

test("a feed that curl reads outlives the gateway's restarts, kill -9 among them", {
  timeout: 90_000,
}, async () => {
  await using database = await testDatabase();
  await using accessor = await startAccessor(database.url);
  await using first = await startGateway(accessor.url);
  const { port } = first;
  const url = `http://127.0.0.1:${port}/signals/power,state,error/live`;
  const feed = new Feed();
  let curl = feed.reconnect(url);
  await eventually("the feed is open", () => feed.lastEventId !== "");
  const flags = [
    "--machines",
    "2",
    "--batch-interval",
    "20ms",
    "--start",
    "-20s",
    "--duration",
    "28s",
  ];
  await using producer = startProducer(accessor.url, ...flags);
  let over = false;
  void producer.ended.then(() => {
    over = true;
  });

  let gateway: Service = first;
  let restarts = 0;
  try {
    for (; restarts < 6 && !over; restarts++) {
      const seen = feed.events;
      await eventually("events come", () => feed.events > seen + 3 || over);
      gateway.signal(restarts % 2 === 0 ? "SIGKILL" : "SIGTERM");
      await gateway.ended;
      if (curl.exitCode === null && curl.signalCode === null) await once(curl, "exit");
      gateway = await startGateway(accessor.url, "--listen", `127.0.0.1:${port}`);
      curl = feed.reconnect(url);
    }
    expect(restarts).toBeGreaterThanOrEqual(3);
    expect(await producer.ended).toBe(0);
    const wanted = (
      await Promise.all(["power", "state", "error"].map((name) => stored(gateway.url, name)))
    ).flat();
    await eventually("all of it has come", () => feed.rows.length >= wanted.length, {
      withinMs: 20_000,
    });
    const came = feed.rows.map(keyOf);
    expect(new Set(came).size).toBe(came.length);
    expect(came.toSorted()).toEqual(wanted.map(keyOf).toSorted());
    expect(feed.rows.filter(({ signal }) => signal === "power")).toHaveLength(2 * 2_800);
    // In the order of storing, which for one machine is the order of time.
    for (const machine of new Set(feed.rows.map((row) => row.machine))) {
      const times = feed.rows
        .filter((row) => row.machine === machine && row.signal === "power")
        .map(({ time }) => Date.parse(time));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  } finally {
    curl.kill();
    await gateway[Symbol.asyncDispose]();
  }
});
