// Bodies that stop coming, through a real gateway, in every protocol; on a clock of the test's own.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { Shares } from "../../access/shares.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway } from "../testing/gateway.ts";
import { createBodyDeadlines } from "./body-deadlines.ts";
import { unlimited } from "./limit-settings.ts";

/** A gateway on whose clock a body may stop for 30 s, checking all the time. */
async function open({ bodyBytes = 1e9 } = {}) {
  const clock = { nowMs: 0 };
  const bodyDeadlines = {
    bodyTimeoutMs: 30_000,
    lingerMs: 10,
    everyMs: 5,
    monotonicMs: () => clock.nowMs,
  };
  const limits = { ...unlimited, shares: { ...unlimited.shares, bodyBytes } };
  const gateway = await openTestGateway({ bodyDeadlines, limits });
  const taken: IngestBatchRequest[] = [];
  gateway.accessor.ingest = takeEverything(taken);
  return { ...gateway, clock, taken, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

const post = (path: string, type: string, length = "content-length: 100000") =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\n${length}\r\n\r\n`;

/** Begins a request and waits until the gateway has read it. */
async function begin(
  port: number,
  bytes: string,
  localAddress = "127.0.0.1",
): Promise<{ socket: Socket; answer: Promise<string> }> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  let said = "";
  socket
    .on("error", () => {})
    .on("data", (data) => {
      said += data;
    });
  const answer = new Promise<string>((resolve) => socket.once("close", () => resolve(said)));
  socket.write(bytes);
  await once(socket, "connect");
  // A round trip by another connection: what was written before it has arrived.
  await fetch(`http://127.0.0.1:${port}/healthz`);
  await fetch(`http://127.0.0.1:${port}/healthz`);
  return { socket, answer };
}

test.each([
  ["/signals", "application/json", 408],
  ["/signals", "application/x-ndjson", 408],
  ["/signals", "text/csv", 408],
  ["/millrace.v1.IngestService/IngestBatch", "application/json", 504],
  ["/millrace.v1.IngestService/IngestBatch", "application/proto", 504],
])(
  "a body of %s as %s that stops is answered, and its connection ended",
  async (path, type, status) => {
    await using fixture = await open();
    const { socket, answer } = await begin(fixture.port, `${post(path, type)}{"signals": [`);
    fixture.clock.nowMs = 29_999;
    await fetch(`${fixture.baseUrl}/healthz`);
    expect(socket.closed).toBe(false);
    fixture.clock.nowMs = 30_001;
    expect(await answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(await answer).toContain("the body did not arrive in time");
  },
);

test("over HTTP/2 as well, and the session goes on", async () => {
  await using fixture = await open();
  const session = connectHttp2(fixture.baseUrl);
  const request = session.request({
    ":method": "POST",
    ":path": "/signals",
    "content-type": "application/json",
  });
  request.write('{"signals"');
  await fetch(`${fixture.baseUrl}/healthz`);
  const answered = once(request, "response");
  await eventually("it is being read", () => {
    fixture.clock.nowMs += 31_000;
    return Promise.race([answered, Promise.resolve(undefined)]);
  });
  expect((await answered)[0][":status"]).toBe(408);
  const next = session.request({ ":path": "/healthz" });
  expect((await once(next, "response"))[0][":status"]).toBe(200);
  session.destroy();
});

const row = (ms: number) =>
  `${JSON.stringify({ machine: "m", signal: "power", time: new Date(1.772e12 + ms).toISOString(), value: 1 })}\n`;

test("a stream of lines goes on for an hour as long as something comes, and a whole body does not", async () => {
  await using fixture = await open();
  const streamed = await begin(
    fixture.port,
    post("/signals", "application/x-ndjson", "connection: close\r\ntransfer-encoding: chunked"),
  );
  const whole = await begin(fixture.port, post("/signals", "application/json"));
  let cut = false;
  void whole.answer.then(() => {
    cut = true;
  });
  const chunk = (line: string) => `${line.length.toString(16)}\r\n${line}\r\n`;
  for (let i = 0; i < 500; i++) {
    fixture.clock.nowMs += 8_000;
    streamed.socket.write(chunk(row(i)));
    if (!cut) whole.socket.write(" ");
    await fetch(`${fixture.baseUrl}/healthz`);
  }
  expect(cut).toBe(true);
  streamed.socket.write("0\r\n\r\n");
  expect(await streamed.answer).toContain('"accepted":500');
});

test("what a refused client goes on sending is let in for a moment only", async () => {
  await using fixture = await open();
  const { answer } = await begin(fixture.port, `${post("/signals", "image/png")}{`);
  expect(await answer).toMatch(/^HTTP\/1.1 415 /);
});

const types = [
  ["/signals", "application/json"],
  ["/millrace.v1.IngestService/IngestBatch", "application/proto"],
] as const;
const send = (length: number, type: string) => ({
  method: "POST",
  body: "[".repeat(length),
  headers: { "content-type": type },
});

test("what comes of a refused body after its answer takes no room, and a caller has all of its share again", async () => {
  await using fixture = await open({ bodyBytes: 400_000 });
  const held = await begin(fixture.port, post("/signals", "application/json") + "[".repeat(60_000));
  for (const [path, type] of types) {
    const refused = await fixture.ask(path, send(1_600_000, type));
    expect([path, refused.status]).toEqual([path, 429]);
    expect(JSON.stringify(refused.body)).toContain(
      "this address has its share of bytes of request bodies",
    );
    expect(refused.headers.get("retry-after")).toBe("1");
  }
  held.socket.destroy();
  await eventually("nothing is held", () => fixture.borrowed()["bodies"] === 0);
  for (let i = 0; i < 20; i++)
    expect((await fixture.post("/signals", " ".repeat(95_000))).status).toBe(400);
});

test("one that holds its share of the room leaves room for the next, and nobody gets more than there is", async () => {
  await using fixture = await open({ bodyBytes: 400_000 });
  const hold = (length: number, address: string) =>
    begin(
      fixture.port,
      post("/signals", "application/json", "content-length: 1000000") + "[".repeat(length),
      address,
    );
  const hogs = [await hold(190_000, "127.0.0.2"), await hold(95_000, "127.0.0.3")];
  await eventually("both are read", () => fixture.borrowed()["bodies"] === 285_000);
  const more = await hold(50_000, "127.0.0.2");
  expect(await more.answer).toMatch(/^HTTP\/1.1 429 [\s\S]*"limit":"bodies-per-address"/);
  expect((await fixture.post("/signals", " ".repeat(50_000))).status).toBe(400);
  for (const { socket } of hogs) socket.destroy();
  await eventually("nothing is held", () => fixture.borrowed()["bodies"] === 0);
});

test("what of a stream was passed on takes no room: a long one passes where a whole body of its length would not", async () => {
  await using fixture = await open({ bodyBytes: 6_000_000 });
  const lines = Array.from({ length: 100_000 }, (_, i) => row(i)).join("");
  expect(lines.length).toBeGreaterThan(6_000_000);
  const answer = await fixture.ask("/signals", { ...send(0, "application/x-ndjson"), body: lines });
  expect([answer.status, answer.body["accepted"]]).toEqual([200, 100_000]);
});

test("of a stream that is held without being passed on, no more is taken than a caller's share", async () => {
  await using fixture = await open({ bodyBytes: 400_000 });
  const line = JSON.stringify({ machine: "m", signal: "power", pad: "x".repeat(1_000) });
  const answer = await fixture.ask("/signals", {
    ...send(0, "application/x-ndjson"),
    body: `${line}\n`.repeat(1_000),
  });
  expect([answer.status, answer.body["reason"]]).toEqual([429, "RATE_LIMITED"]);
  expect(answer.body["metadata"]).toEqual({ limit: "bodies-per-address" });
});

test("small chunks that wait for their reader are joined, and arrive as they were sent", async () => {
  using bodies = createBodyDeadlines({ bodyTimeoutMs: 30_000 }, new Shares({ total: 1e6 }));
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const sent = Buffer.from(Array.from({ length: 32_000 }, (_, i) => i & 0xff));
  const chunks = Array.from({ length: 2_000 }, (_, i) =>
    Buffer.concat([
      Buffer.from("10\r\n"),
      sent.subarray(16 * i, 16 * (i + 1)),
      Buffer.from("\r\n"),
    ]),
  );
  socket.write(
    Buffer.concat([
      Buffer.from("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"),
      ...chunks,
    ]),
  );
  const [request, response] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
  const told = {
    stalled: () => new Error("stalled"),
    overloaded: () => new Error("overloaded"),
    callerName: () => "",
  };
  bodies.watch(request, response, { streams: true, ...told });
  request.read(0);
  await eventually("they wait", () => request.readableLength === sent.length);
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => pieces.push(piece));
  await eventually("they are there", () => Buffer.concat(pieces).equals(sent));
  expect(pieces.length).toBeLessThanOrEqual(24);
  socket.destroy();
  server.close();
});
