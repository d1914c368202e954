// Bodies that stop coming, through a real gateway, in every protocol; on a clock of the test's own.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { eventually } from "../../test/support/eventually.ts";
import { takeEverything } from "../fake-accessor.ts";
import { openTestGateway } from "../test-gateway.ts";

/** A gateway on whose clock a body may stop for 30 s, looking at it all the time. */
async function open({ maxBytes = 1e9 } = {}) {
  const clock = { nowMs: 0 };
  const bodyClock = { maxBytes, stallMs: 30_000, lingerMs: 10, everyMs: 5, monotonicMs: () => clock.nowMs };
  const gateway = await openTestGateway({ bodyClock });
  const taken: IngestBatchRequest[] = [];
  gateway.accessor.ingest = takeEverything(taken);
  return { ...gateway, clock, taken, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

const post = (path: string, type: string, length = "content-length: 100000") =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\n${length}\r\n\r\n`;

/** Begins a request and waits until the gateway has what was sent. */
async function begin(port: number, bytes: string): Promise<{ socket: Socket; answer: Promise<string> }> {
  const socket = connect(port, "127.0.0.1");
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
])("a body of %s as %s that stops is answered, and its connection ended", async (path, type, status) => {
  await using fixture = await open();
  const { socket, answer } = await begin(fixture.port, `${post(path, type)}{"signals": [`);
  fixture.clock.nowMs = 29_999;
  await fetch(`${fixture.baseUrl}/healthz`);
  expect(socket.closed).toBe(false);
  fixture.clock.nowMs = 30_001;
  expect(await answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(await answer).toContain("the body did not come in time");
});

test("over HTTP/2 as well, and the session goes on", async () => {
  await using fixture = await open();
  const session = connectHttp2(fixture.baseUrl);
  const request = session.request({ ":method": "POST", ":path": "/signals", "content-type": "application/json" });
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

test("bodies that are taken as a whole have room together, which is free again once they are answered", async () => {
  await using fixture = await open({ maxBytes: 100_000 });
  const held = await begin(fixture.port, post("/signals", "application/json") + "[".repeat(60_000));
  for (const [path, type] of [
    ["/signals", "application/json"],
    ["/millrace.v1.IngestService/IngestBatch", "application/proto"],
  ]) {
    const refused = await fixture.ask(path!, {
      method: "POST",
      body: "[".repeat(400_000),
      headers: { "content-type": type! },
    });
    expect([path, refused.status]).toEqual([path, 429]);
    expect(JSON.stringify(refused.body)).toContain("too many bodies");
  }
  held.socket.destroy();
  await eventually("there is room again", async () => {
    const answer = await fixture.post("/signals", " ".repeat(60_000));
    return answer.status === 400;
  });
});
