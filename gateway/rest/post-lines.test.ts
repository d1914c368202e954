// POST /signals with lines: any size, verdicts by line, the same batches from the same body however
// it arrives.
import { createHash } from "node:crypto";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type IngestBatchRequest, RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { reasonError } from "../errors/reasons.ts";
import { takeEverything } from "../testing/accessor.ts";
import { nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let taken: IngestBatchRequest[];
beforeEach(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
  taken = [];
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

const ndjson = "application/x-ndjson";
const send = (
  body: string | ReadableStream<Uint8Array>,
  headers: Record<string, string> = {},
  query = "",
) =>
  gateway.ask(`/signals${query}`, {
    method: "POST",
    body,
    headers: { "content-type": ndjson, ...headers },
    ...(typeof body === "string" ? {} : { duplex: "half" }),
  } as RequestInit);
const row = (machine: string, value: number | string, more = {}) =>
  JSON.stringify({ machine, signal: "power", time: "2026-03-01T08:00:00Z", value, ...more });

test("NDJSON: a row a line, good ones stored, bad ones named by line", async () => {
  const body = [
    row("a", 1),
    "",
    row("b", -0, { unit: "W" }),
    "{oops",
    "[1]",
    row("a", 2),
    '{"signal":"power"}',
    row("a", 3),
  ].join("\r\n");
  const { status, body: answer } = await send(body.replace('"value":0', '"value":-0'));
  expect(status).toBe(200);
  expect(answer).toMatchObject({
    accepted: 4,
    rejected: 3,
    cursor: "c2",
    last_sequence: "2",
    duplicate_batches: 0,
  });
  expect(answer["verdicts"]).toMatchObject([
    { line: 4, count: 1, reason: "REQUEST_INVALID", message: expect.stringMatching(/^not JSON: /) },
    { line: 5, count: 1, reason: "REQUEST_INVALID", message: "a row must be a JSON object" },
    { line: 7, count: 1, reason: "MACHINE_NAME_INVALID", retryable: false },
  ]);
  expect(taken).toMatchObject([
    { sequence: 1n, batch: { machine: "a", samples: [{ values: [1, 2, 3] }] } },
    { sequence: 2n, batch: { machine: "b", samples: [{ unit: "W" }] } },
  ]);
  expect(Object.is(taken[1]!.batch!.samples[0]!.values[0], -0)).toBe(true);
});

test("a line with more parts than any row has is not parsed, and the others are stored", async () => {
  const wide = (parts: number) => `[${"{},".repeat(parts / 2)}0]`;
  const lines = [row("a", 1), wide(10_000), `{${'"a":0,'.repeat(10_001)}"b":0}`, wide(9_000)];
  const { body: answer } = await send(
    [...lines, row("a", 2, { rejected: ",".repeat(9_000) })].join("\n"),
  );
  const message = "not a row: more than 10000 commas and opening brackets";
  expect(answer).toMatchObject({ accepted: 2, rejected: 3 });
  expect(answer["verdicts"]).toMatchObject([
    { line: 2, count: 2, reason: "REQUEST_INVALID", message },
    { line: 4, count: 1, reason: "REQUEST_INVALID", message: "a row must be a JSON object" },
  ]);
});

test("the accessor's verdicts find their lines", async () => {
  gateway.accessor.ingest.ingestBatch = ({ sequence }) => ({
    cursor: "c1",
    result: {
      sequence,
      duplicate: true,
      verdicts: [
        {
          kind: RecordKind.SAMPLE,
          column: 0,
          first: 1,
          count: 2,
          reason: ErrorReason.TIME_IN_FUTURE,
          retryable: true,
          message: "ahead",
        },
      ],
    },
  });
  const { body } = await send([row("a", 1), row("a", 2), row("a", 3), row("a", 4)].join("\n"));
  expect(body).toMatchObject({ accepted: 2, rejected: 2, duplicate_batches: 1 });
  expect(body["verdicts"]).toEqual([
    { line: 2, count: 2, reason: "TIME_IN_FUTURE", retryable: true, message: "ahead" },
  ]);
});

test("422 if every row was refused; nothing at all is 200, as the export of nothing is", async () => {
  const refused = {
    rejected: 2,
    title: "Unprocessable Content",
    verdicts: [{ line: 1, count: 2 }],
  };
  expect(await send("1\n2\n")).toMatchObject({ status: 422, body: refused });
  const nothing = await Promise.all(
    ["", "\n \n", `${" ".repeat(900_000)}\n`.repeat(5)].map((text) => send(text)),
  );
  for (const answer of nothing)
    expect(answer).toMatchObject({ status: 200, body: { accepted: 0, rejected: 0 } });
  expect(taken).toEqual([]);
});

test("a large body is stored while it comes, in batches that follow from the body alone", async () => {
  const lines = Array.from({ length: 45_000 }, (_, i) => row(`m${i % 2}`, i)).join("\n");
  const bytes = Buffer.from(lines);
  const stored = Promise.withResolvers<void>();
  const { ingestBatch } = gateway.accessor.ingest;
  gateway.accessor.ingest.ingestBatch = (request, context) => {
    stored.resolve();
    return ingestBatch!(request, context);
  };
  const piecewise = (size: number) => {
    let at = 0;
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        // The last part is not sent before some of the first is stored.
        if (at > bytes.length * 0.8) await stored.promise;
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(at, at + size));
        at += size;
      },
    });
  };
  const key = { "idempotency-key": "shift 7" };
  const first = await send(piecewise(100_003), key);
  const before = taken.splice(0);
  const second = await send(piecewise(1_048_577), key);
  expect(first.body).toMatchObject({ accepted: 45_000, rejected: 0, last_sequence: "6" });
  expect(second.body).toMatchObject({ accepted: 45_000, producer_id: first.body["producer_id"] });
  expect(taken).toEqual(before);
  expect(
    before.map(({ sequence, batch }) => [
      sequence,
      batch!.machine,
      batch!.samples[0]!.values.length,
    ]),
  ).toEqual([
    ...[1n, 2n].map((n) => [n, `m${n - 1n}`, 10_000]),
    ...[3n, 4n].map((n) => [n, `m${n - 3n}`, 10_000]),
    ...[5n, 6n].map((n) => [n, `m${n - 5n}`, 2_500]),
  ]);
});

test("an Idempotency-Key is a producer of its own; its times must not depend on when they are sent", async () => {
  const { body } = await send(`${row("a", 1)}\n${row("a", 2, { time: "now" })}`, {
    "idempotency-key": "k",
  });
  const producerId = `http:${createHash("sha256").update("k").digest("hex").slice(0, 40)}`;
  expect(body).toMatchObject({ accepted: 1, rejected: 1, producer_id: producerId });
  expect(body["verdicts"]).toMatchObject([{ line: 2, reason: "TIME_INVALID" }]);
  expect(taken).toMatchObject([{ producerId, sequence: 1n }]);
  const json = {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": "k" },
  };
  await gateway.ask("/signals", { ...json, body: `{"signals":[${row("a", 3)}]}` });
  expect(taken[1]).toMatchObject({ producerId, sequence: 1n });
  const both = await gateway.ask("/signals", {
    ...json,
    body: '{"producer_id":"p","sequence":1,"machine":"m"}',
  });
  expect([both.status, both.body["field"]]).toEqual([400, "idempotency-key"]);
  expect((await send(row("a", 1), { "idempotency-key": "k".repeat(256) })).body).toMatchObject({
    status: 400,
    field: "idempotency-key",
  });
});

test("a producer's own numbers go in the query", async () => {
  const { body } = await send(
    [row("a", 1), row("b", 2)].join("\n"),
    {},
    "?producer_id=line-4&sequence=7",
  );
  expect(body).toMatchObject({ producer_id: "line-4", last_sequence: "8" });
  expect(taken.map(({ producerId, sequence }) => [producerId, sequence])).toEqual([
    ["line-4", 7n],
    ["line-4", 8n],
  ]);
  for (const id of ["rest:1", "http:1"])
    expect((await send(row("a", 1), {}, `?producer_id=${id}&sequence=1`)).body).toMatchObject({
      ...{ status: 400, field: "producer_id" },
    });
  expect((await send(row("a", 1), {}, "?producer_id=line-4")).body).toMatchObject({
    status: 400,
    field: "sequence",
  });
});

test("asked for NDJSON, verdicts come as lines, the totals last", async () => {
  const response = await fetch(`${gateway.baseUrl}/signals`, {
    method: "POST",
    headers: { "content-type": ndjson, accept: ndjson },
    body: ["x", row("a", 1), "[]", "[]"].join("\n"),
  });
  expect(response.headers.get("content-type")).toBe("application/x-ndjson; charset=utf-8");
  const lines = (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { line: 1, count: 1 },
    { line: 3, count: 2 },
    { accepted: 1, rejected: 3, cursor: "c1" },
  ]);
});

test("of very many verdicts an answer in JSON names the first thousand", async () => {
  const { body } = await send(
    Array.from({ length: 1_500 }, (_, i) => (i % 2 ? row("a", i) : "x".repeat(i + 1))).join("\n"),
  );
  expect([body["rejected"], (body["verdicts"] as []).length]).toEqual([750, 750]);
  const many = await send(
    Array.from({ length: 3_000 }, (_, i) => (i % 2 ? row("a", i) : "x")).join("\n"),
  );
  expect([
    many.body["rejected"],
    (many.body["verdicts"] as []).length,
    many.body["verdicts_omitted"],
  ]).toEqual([1_500, 1_000, 500]);
  expect(many.body["omitted_by_reason"]).toEqual({ REQUEST_INVALID: 500 });
});

test("where none of the first 20,000 rows can be read the rest is not looked at, and the connection serves on", async () => {
  using agent = new KeepAlive();
  const nothing = "{}\n".repeat(300_000);
  for (let turn = 0; turn < 2; turn++) {
    const { status, body } = await agent.post(gateway.port, nothing);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      ...{ reason: "REQUEST_INVALID", accepted: 0, rejected: 20_000, unread_from_line: 20_001 },
      verdicts: [{ line: 1, count: 20_000, reason: "MACHINE_NAME_INVALID" }],
    });
  }
  const lines = await fetch(`${gateway.baseUrl}/signals`, {
    method: "POST",
    headers: { "content-type": ndjson, accept: ndjson },
    body: nothing,
  });
  const said = (await lines.text()).trimEnd().split("\n");
  expect(said.map((line) => JSON.parse(line))).toMatchObject([
    { line: 1, count: 20_000 },
    { status: 422, rejected: 20_000, unread_from_line: 20_001 },
  ]);
  expect(taken).toEqual([]);
});

test("one row among them, or no more lines than that, and everything is looked at", async () => {
  const all = await send("{}\n".repeat(20_000));
  expect([all.status, all.body["rejected"], all.body["unread_from_line"]]).toEqual([
    422,
    20_000,
    undefined,
  ]);
  const some = await send(
    `${"{}\n".repeat(19_999)}${row("a", 1)}\n${"1\n".repeat(30_000)}${row("a", 2)}`,
  );
  expect([some.status, some.body["accepted"], some.body["rejected"]]).toEqual([200, 2, 49_999]);
  expect(some.body["verdicts"]).toMatchObject([
    { line: 1, count: 19_999 },
    { line: 20_001, count: 30_000 },
  ]);
});

test("a refusal of the accessor is a problem, at once or with what was stored before it", async () => {
  const { ingestBatch } = gateway.accessor.ingest;
  gateway.accessor.ingest.ingestBatch = (request, context) => {
    if (request.sequence > 1n) throw reasonError("OVERLOADED", Code.ResourceExhausted, "too much");
    return ingestBatch!(request, context);
  };
  const { status, body } = await send([row("a", 1), row("b", 2)].join("\n"));
  expect([status, body["reason"]]).toEqual([429, "OVERLOADED"]);
  const many = Array.from({ length: 20_001 }, (_, i) => row("a", i)).join("\n");
  const response = await fetch(`${gateway.baseUrl}/signals`, {
    method: "POST",
    headers: { "content-type": ndjson, accept: ndjson },
    body: many,
  });
  const lines = (await response.text())
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { status: 429, reason: "OVERLOADED", accepted: 20_000, last_sequence: "1" },
  ]);
});

test("packed bodies, and parameters that have their place in the body, are refused", async () => {
  expect(await send("x", { "content-encoding": "gzip" })).toMatchObject({ status: 415 });
  const json = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  expect((await gateway.ask("/signals?producer_id=p", json)).body).toMatchObject({
    status: 400,
    field: "producer_id",
  });
});

test("a client that leaves in the middle is nobody's error", async () => {
  const stored = Promise.withResolvers<void>();
  gateway.accessor.ingest.ingestBatch = ({ sequence }) => {
    stored.resolve();
    return { result: { sequence }, cursor: "c1" };
  };
  const socket = connect(gateway.port, "127.0.0.1");
  socket.write(
    `POST /signals HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${ndjson}\r\nContent-Length: 999999999\r\n\r\n`,
  );
  socket.write(`${Array.from({ length: 20_000 }, (_, i) => row("a", i)).join("\n")}\n`);
  await stored.promise;
  socket.destroy();
  expect((await gateway.ask("/healthz")).status).toBe(200);
});

/** A client with one connection, which it keeps. */
class KeepAlive {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  post(port: number, body: string): Promise<{ status: number | undefined; body: unknown }> {
    const headers = { "content-type": ndjson, "content-length": body.length };
    const options = {
      port,
      host: "127.0.0.1",
      path: "/signals",
      method: "POST",
      headers,
      agent: this.#agent,
    };
    return new Promise((resolve, reject) => {
      const call = request(options, async (answer) => {
        resolve({ status: answer.statusCode, body: JSON.parse(await text(answer)) });
      });
      call.on("error", reject).end(body);
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
