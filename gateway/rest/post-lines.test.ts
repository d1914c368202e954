// POST /signals with lines: good rows are stored, each bad row is reported with its line, and a
// refusal of the whole body is a problem.
import { connect } from "node:net";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type IngestBatchRequest, RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { reasonError } from "../errors/reasons.ts";
import { takeEverything } from "../testing/accessor.ts";
import { nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { ndjson, postLines, row } from "../testing/lines.ts";

let gateway: TestGateway;
let taken: IngestBatchRequest[];
beforeEach(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
  taken = [];
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

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
  const { status, body: answer } = await postLines(
    gateway,
    body.replace('"value":0', '"value":-0'),
  );
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
  const { body: answer } = await postLines(
    gateway,
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
  const { body } = await postLines(
    gateway,
    [row("a", 1), row("a", 2), row("a", 3), row("a", 4)].join("\n"),
  );
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
  expect(await postLines(gateway, "1\n2\n")).toMatchObject({ status: 422, body: refused });
  const nothing = await Promise.all(
    ["", "\n \n", `${" ".repeat(900_000)}\n`.repeat(5)].map((text) => postLines(gateway, text)),
  );
  for (const answer of nothing)
    expect(answer).toMatchObject({ status: 200, body: { accepted: 0, rejected: 0 } });
  expect(taken).toEqual([]);
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
  const { body } = await postLines(
    gateway,
    Array.from({ length: 1_500 }, (_, i) => (i % 2 ? row("a", i) : "x".repeat(i + 1))).join("\n"),
  );
  expect([body["rejected"], (body["verdicts"] as []).length]).toEqual([750, 750]);
  const many = await postLines(
    gateway,
    Array.from({ length: 3_000 }, (_, i) => (i % 2 ? row("a", i) : "x")).join("\n"),
  );
  expect([
    many.body["rejected"],
    (many.body["verdicts"] as []).length,
    many.body["verdicts_omitted"],
  ]).toEqual([1_500, 1_000, 500]);
  expect(many.body["omitted_by_reason"]).toEqual({ REQUEST_INVALID: 500 });
});

test("a refusal of the accessor is a problem, at once or with what was stored before it", async () => {
  const { ingestBatch } = gateway.accessor.ingest;
  gateway.accessor.ingest.ingestBatch = (request, context) => {
    if (request.sequence > 1n) throw reasonError("OVERLOADED", Code.ResourceExhausted, "too much");
    return ingestBatch!(request, context);
  };
  const { status, body } = await postLines(gateway, [row("a", 1), row("b", 2)].join("\n"));
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
  expect(await postLines(gateway, "x", { headers: { "content-encoding": "gzip" } })).toMatchObject({
    status: 415,
  });
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
