// Live feeds as Server-Sent Events, over real sockets: resuming, leaving, failing, stopping, and
// clients that do not read.
import { once } from "node:events";
import { connect } from "node:net";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { WatchSignalsRequest } from "#gen/millrace/v1/signal_service_pb.ts";
import { reasonError } from "../errors/reasons.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { toTimestamp } from "./time.ts";

type Event = Record<"event" | "id" | "data" | "retry" | "comment", string | undefined>;

let gateway: TestGateway;
const beats = new Set<() => void>();
beforeEach(async () => {
  gateway = await openTestGateway({
    now: () => 1_772_352_000_000,
    heartbeat: (beat) => {
      beats.add(beat);
      return () => beats.delete(beat);
    },
  });
});
afterEach(() => gateway[Symbol.asyncDispose]());

/** The events of a response, one for each blank line. */
async function* eventsOf(response: Response): AsyncGenerator<Event, void, undefined> {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const fields = block.split("\n").map((line) => {
        const [name = "", ...value] = line.split(": ");
        return [name || "comment", value.join(": ")];
      });
      yield Object.fromEntries(fields) as Event;
    }
  }
}

async function collect(events: AsyncIterable<Event>): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const untilAborted = (abort: AbortSignal) =>
  new Promise<never>((_, reject) =>
    abort.addEventListener("abort", () => reject(abort.reason), { once: true }),
  );

const timeUs = 1_772_352_000_000_000n;
const grid = (values: number[]) => ({
  signal: "power",
  times: { case: "grid" as const, value: { startUs: timeUs, periodUs: 10_000n } },
  values,
});

test("ready, rows, bookmarks: each with the cursor to go on after", async () => {
  gateway.accessor.signals.watchSignals = async function* () {
    yield { after: "c0", through: "c0", commitTime: toTimestamp(timeUs) };
    yield {
      after: "c0",
      through: "c3",
      batches: [{ machine: "mill-1", samples: [grid([412.3, -0])] }],
    };
    yield { after: "c3", through: "c4" };
    yield {
      after: "c4",
      through: "c5",
      batches: [
        {
          machine: "mill-2",
          stateChanges: [{ time: toTimestamp(timeUs), state: MachineState.FAULT, reason: "jam" }],
        },
        {
          machine: "mill-3",
          errorReports: [{ time: toTimestamp(timeUs), severity: 3, code: "E1", message: "hot" }],
        },
      ],
    };
  };
  const response = await fetch(`${gateway.baseUrl}/signals/power/live`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(response.headers.get("cache-control")).toBe("no-cache, no-transform");
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  const time = "2026-03-01T08:00:00Z";
  expect(await collect(eventsOf(response))).toEqual([
    { retry: "1000" },
    { event: "ready", id: "c0", data: `{"cursor":"c0","commit_time":"${time}"}` },
    {
      id: "c3",
      data:
        `{"signals":[{"machine":"mill-1","signal":"power","time":"${time}","value":412.3},` +
        `{"machine":"mill-1","signal":"power","time":"2026-03-01T08:00:00.010Z","value":-0}]}`,
    },
    { event: "bookmark", id: "c4", data: `{"cursor":"c4"}` },
    {
      id: "c5",
      data:
        `{"signals":[{"machine":"mill-2","signal":"state","time":"${time}","state":"FAULT","reason":"jam"},` +
        `{"machine":"mill-3","signal":"error","time":"${time}","severity":"ERROR","code":"E1","message":"hot"}]}`,
    },
  ]);
});

test("ready comes first even if the first message holds records", async () => {
  gateway.accessor.signals.watchSignals = async function* () {
    yield { after: "c0", through: "c1", batches: [{ machine: "m", samples: [grid([1])] }] };
  };
  const events = await collect(eventsOf(await fetch(`${gateway.baseUrl}/signals/power/live`)));
  expect(events.map(({ event, id }) => [event, id])).toEqual([
    [undefined, undefined],
    ["ready", "c0"],
    [undefined, "c1"],
  ]);
});

test("after, since and Last-Event-ID say where to start; what the client saw last wins", async () => {
  const asked: WatchSignalsRequest[] = [];
  gateway.accessor.signals.watchSignals = async function* (request) {
    asked.push(request);
    yield { after: "x", through: "x" };
  };
  const path = "/signals/power/live?machine=mill-1,mill-2&machine=mill-3";
  const get = (query: string, headers = {}) =>
    fetch(`${gateway.baseUrl}${path}${query}`, { headers }).then((r) => r.text());
  await get("");
  await get("&after=c1");
  await get("&since=-1h");
  await get("&after=c1", { "last-event-id": "c9" });
  await get("&since=-1h", { "last-event-id": "c9" });
  await get("&after=c1&lastEventId=c8");
  await get("&lastEventId=c8", { "last-event-id": "c9" });
  expect(asked[0]).toMatchObject({ signals: ["power"], machines: ["mill-1", "mill-2", "mill-3"] });
  expect(
    asked.map(({ start }) => [
      start.case,
      start.case === "fromCommitTime" ? start.value.seconds : start.value,
    ]),
  ).toEqual([
    [undefined, undefined],
    ["afterCursor", "c1"],
    ["fromCommitTime", timeUs / 1_000_000n - 3_600n],
    ...["c9", "c9", "c8", "c9"].map((cursor) => ["afterCursor", cursor]),
  ]);
  expect((await gateway.ask(`${path}&after=c1&since=-1h`)).body).toMatchObject({
    status: 400,
    field: "since",
  });
});

test("a client that leaves ends the accessor's stream", async () => {
  const ended = Promise.withResolvers<void>();
  gateway.accessor.signals.watchSignals = async function* (_request, { signal: abort }) {
    try {
      yield { after: "c0", through: "c0" };
      await untilAborted(abort);
    } finally {
      ended.resolve();
    }
  };
  const leave = new AbortController();
  const response = await fetch(`${gateway.baseUrl}/signals/power/live`, { signal: leave.signal });
  await response.body!.getReader().read();
  leave.abort();
  await ended.promise;
});

test("a comment comes with each heartbeat, and none after the end", async () => {
  const finish = Promise.withResolvers<void>();
  gateway.accessor.signals.watchSignals = async function* () {
    yield { after: "c0", through: "c0" };
    await finish.promise;
  };
  const seen: Event[] = [];
  for await (const event of eventsOf(await fetch(`${gateway.baseUrl}/signals/power/live`))) {
    seen.push(event);
    if (event.event === "ready" || event.comment) {
      if (seen.length < 4) for (const beat of beats) beat();
      else finish.resolve();
    }
  }
  expect(seen.slice(2)).toEqual([{ comment: "keep-alive" }, { comment: "keep-alive" }]);
  expect(beats.size).toBe(0);
});

test("a refusal before the first event is a problem with its status", async () => {
  gateway.accessor.signals.watchSignals = async function* () {
    throw reasonError("CURSOR_EXPIRED", Code.OutOfRange, "the log begins later", {
      metadata: { earliest_cursor: "c5" },
    });
    // biome-ignore lint/correctness/noUnreachable: a generator has to yield
    yield {};
  };
  const { status, headers, body } = await gateway.ask("/signals/power/live?after=c1");
  expect([status, headers.get("content-type")]).toEqual([
    410,
    "application/problem+json; charset=utf-8",
  ]);
  expect(body).toMatchObject({ reason: "CURSOR_EXPIRED", metadata: { earliest_cursor: "c5" } });
});

test("a failure later is an error event with the last cursor, then the end", async () => {
  gateway.accessor.signals.watchSignals = async function* () {
    yield { after: "c0", through: "c0" };
    yield { after: "c0", through: "c2", batches: [{ machine: "m", samples: [grid([1])] }] };
    throw reasonError("CURSOR_FOREIGN", Code.FailedPrecondition, "the database was restored");
  };
  const events = await collect(eventsOf(await fetch(`${gateway.baseUrl}/signals/power/live`)));
  // A browser would reconnect at once with the same id, and get the same error.
  expect(events.at(-1)).toMatchObject({ event: "error", id: "c2", retry: "60000" });
  expect(JSON.parse(events.at(-1)!.data!)).toMatchObject({
    status: 409,
    reason: "CURSOR_FOREIGN",
    instance: "/signals/power/live",
  });
});

test("a gateway that stops ends live feeds with their last cursor", async () => {
  gateway.accessor.signals.watchSignals = async function* (_request, { signal: abort }) {
    yield { after: "c0", through: "c7" };
    await untilAborted(abort);
  };
  const seen: Event[] = [];
  for await (const event of eventsOf(await fetch(`${gateway.baseUrl}/signals/power/live`))) {
    if (event.event === "ready") void gateway.close();
    seen.push(event);
  }
  await gateway.close();
  expect(seen.at(-1)).toMatchObject({ event: "error", id: "c7" });
  expect(seen.at(-1)).not.toHaveProperty("retry");
  expect(JSON.parse(seen.at(-1)!.data!)).toMatchObject({ reason: "SHUTTING_DOWN" });
});

// The second is a Connect call: an envelope of two bytes of JSON.
test.each([
  "GET /signals/power/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "POST /millrace.v1.SignalService/WatchSignals HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/connect+json\r\n" +
    "Content-Length: 7\r\n\r\n\0\0\0\0\u0002{}",
])("a client that does not read holds the accessor back, and nobody else: %j", async (request) => {
  const total = 1_000;
  const message = {
    batches: [
      { machine: "m", samples: [grid(Array.from({ length: 8_192 }, (_, i) => i + 0.123))] },
    ],
  };
  let produced = 0;
  const ended = Promise.withResolvers<void>();
  gateway.accessor.signals.watchSignals = async function* ({ signals }) {
    if (signals[0] === "state") return yield { after: "s", through: "s" };
    try {
      for (; produced < total; produced++)
        yield { after: `c${produced}`, through: `c${produced + 1}`, ...message };
    } finally {
      ended.resolve();
    }
  };
  gateway.accessor.signals.listSignals = () => ({ signals: [{ name: "power" }] });
  const deaf = connect(gateway.port, "127.0.0.1");
  deaf.pause();
  deaf.write(request);
  // Other requests are served meanwhile; the feed is stalled once it has gained nothing during
  // fifty of their answers.
  for (let before = -1; produced === 0 || produced !== before; ) {
    before = produced;
    for (let i = 0; i < 50; i++) expect((await gateway.ask("/signals")).status).toBe(200);
    expect(await (await fetch(`${gateway.baseUrl}/signals/state/live`)).text()).toContain(
      "event: ready",
    );
  }
  expect(produced).toBeLessThan(total / 4);
  deaf.destroy();
  await once(deaf, "close");
  await ended.promise;
});
