// Clients that do not read, through a real gateway in every protocol: paused, then ended with a
// named error, and nothing is left behind.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { eventually, settled } from "../../test/testing/eventually.ts";
import { openTestGateway } from "../testing/gateway.ts";

const values = Array.from({ length: 3_000 }, (_, i) => i + 0.123456);

/** Sends endlessly to a client that does not read. */
async function open() {
  const clock = { nowMs: 0 };
  const gateway = await openTestGateway({
    readerDeadlines: { readerTimeoutMs: 30_000, everyMs: 5, monotonicMs: () => clock.nowMs },
    heartbeat: () => () => {},
  });
  const ended = { count: 0 };
  const times = {
    case: "grid" as const,
    value: { startUs: 1_772_352_000_000_000n, periodUs: 10_000n },
  };
  const batches = (size: number) => [
    { machine: "m", samples: [{ signal: "power", times, values: values.slice(0, size) }] },
  ];
  gateway.accessor.signals = {
    async *watchSignals() {
      try {
        for (let i = 0; ; i++)
          yield { after: `c${i}`, through: `c${i + 1}`, batches: batches(500) };
      } finally {
        ended.count++;
      }
    },
    async *readSignals() {
      try {
        for (;;) yield { cursor: "c1", batches: batches(3_000) };
      } finally {
        ended.count++;
      }
    },
  };
  return { ...gateway, clock, ended, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

const rest = (path: string) =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`;
const call = (method: string, type: string, message: string) =>
  `POST /millrace.v1.SignalService/${method} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: ${type}\r\ncontent-length: ${message.length}\r\n\r\n${message}`;
const enveloped = (message: string) => `\0\0\0\0${String.fromCharCode(message.length)}${message}`;
const connectCall = (method: string, message: string) =>
  call(method, "application/connect+json", enveloped(message));
const complete = /\r\n0\r\n\r\n$/;

test.each([
  ["an export as NDJSON is cut", rest("/signals/power?format=ndjson"), "exports", undefined],
  ["an export as CSV is cut", rest("/signals/power?format=csv"), "exports", undefined],
  [
    "a feed as events is told by an event",
    rest("/signals/power/live"),
    "feeds",
    /\nevent: error\nid: c\d+\ndata: \{[^\n]*"reason":"SLOW_READER"[^\n]*\}\n\n/,
  ],
  [
    "a feed as NDJSON is told by a line",
    rest("/signals/power/live?format=ndjson"),
    "feeds",
    /\n\{"error":\{[^\n]*"reason":"SLOW_READER"[^\n]*\}\n/,
  ],
  [
    "a feed by Connect is told by the end of its stream",
    connectCall("WatchSignals", "{}"),
    "feeds",
    /\{"error":\{"code":"resource_exhausted","message":"the client did not read the response in time/,
  ],
  [
    "an export by Connect is told by the end of its stream",
    connectCall("ReadSignals", '{"signals":["power"]}'),
    "exports",
    /\{"error":\{"code":"resource_exhausted"/,
  ],
  [
    "a feed by gRPC-Web is told by its trailers",
    call("WatchSignals", "application/grpc-web+proto", enveloped("")),
    "feeds",
    /grpc-message: the%20answer|grpc-status: 8/,
  ],
] as const)("%s", async (_name, request, kind, told) => {
  await using fixture = await open();
  const { clock, borrowed } = fixture;
  const deaf = connect(fixture.port, "127.0.0.1");
  let said = "";
  deaf.pause();
  deaf.write(request, "latin1");
  await eventually("it waits for its client", () => borrowed()["unread-bytes"]! > 0);
  const waiting = await settled(() => borrowed()["unread-bytes"]!);
  expect(borrowed()).toMatchObject({ [kind]: 1, "upstream-streams": 1 });
  // A few messages and a window, however many messages are sent.
  expect(waiting + borrowed()["upstream-bytes"]!).toBeLessThan(1_000_000);
  clock.nowMs = 29_999;
  await fetch(`${fixture.baseUrl}/healthz`);
  expect(borrowed()[kind]).toBe(1);
  clock.nowMs = 1e6;
  await eventually(
    "its place is free",
    () => borrowed()[kind] === 0 && borrowed()["upstream-streams"] === 0,
  );
  deaf.setEncoding("latin1").on("data", (data) => {
    said += data;
  });
  deaf.on("error", () => {}).resume();
  await once(deaf, "close");
  if (told === undefined) expect(complete.test(said)).toBe(false);
  else expect(said.slice(-3_000)).toMatch(told);
  await eventually("the accessor's stream has ended", () => fixture.ended.count === 1);
  await eventually("nothing is held", () =>
    Object.values(borrowed()).every((amount) => amount === 0),
  );
  const metrics = await (await fetch(`${fixture.baseUrl}/metrics`)).text();
  expect(metrics).toContain(
    'millrace_refusals_total{reason="SLOW_READER",limit="reader-timeout"} 1',
  );
});

test("a feed by gRPC that is not read ends with SLOW_READER, whose reason its client gets", async () => {
  await using fixture = await open();
  const transport = createGrpcTransport({ baseUrl: fixture.baseUrl });
  const stream = createClient(SignalService, transport).watchSignals({})[Symbol.asyncIterator]();
  await stream.next();
  await eventually("it waits", () => fixture.borrowed()["unread-bytes"]! > 0);
  await settled(() => fixture.borrowed()["unread-bytes"]!);
  fixture.clock.nowMs = 1e6;
  await eventually("its place is free", () => fixture.borrowed()["feeds"] === 0);
  const failure = await (async () => {
    while (!(await stream.next()).done);
  })().then(
    () => undefined,
    (error) => ConnectError.from(error),
  );
  expect(failure?.code).toBe(Code.ResourceExhausted);
  expect(failure?.findDetails(ErrorInfoSchema)[0]?.reason).toBe("SLOW_READER");
});

test.each([
  "/signals",
  "/millrace.v1.SignalService/ListSignals?connect=v1&encoding=json&message=%7B%7D",
])("an answer that is sent as a whole, and is not taken over HTTP/2, is cut: %s", async (path) => {
  await using fixture = await open();
  const signals = Array.from({ length: 3_000 }, (_, i) => ({
    name: `signal_${i}`,
    units: ["W".repeat(50)],
  }));
  fixture.accessor.signals.listSignals = () => ({ signals });
  const session = connectHttp2(fixture.baseUrl, { settings: { initialWindowSize: 1_000 } });
  const stream = session.request({ ":path": path });
  stream.on("error", () => {}).pause();
  await eventually("it waits", () => fixture.borrowed()["unread-bytes"]! > 100_000);
  fixture.clock.nowMs = 1e6;
  if (!stream.closed) await once(stream.resume(), "close");
  await eventually("nothing is held", () =>
    Object.values(fixture.borrowed()).every((amount) => amount === 0),
  );
  session.destroy();
});

test("a client that reads slowly, but reads, gets all of it", async () => {
  await using fixture = await open();
  const response = await fetch(`${fixture.baseUrl}/signals/power?format=ndjson&limit=60000`);
  let rows = 0;
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    rows += chunk.split("\n").length - 1;
    fixture.clock.nowMs += 5_000;
    await fetch(`${fixture.baseUrl}/healthz`);
  }
  expect(rows).toBe(60_000);
});
