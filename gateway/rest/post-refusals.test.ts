// POST /signals: refusals of the whole body, and their status.
import { once } from "node:events";
import { connect } from "node:http2";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { reasonError } from "../errors/reasons.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let taken: IngestBatchRequest[];
beforeEach(async () => {
  gateway = await openTestGateway({ now: () => 1_772_352_000_000 });
  taken = [];
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

const time = "2026-03-01T08:00:00.000001Z";
const power = (machine: string, value: unknown) => ({ machine, signal: "power", time, value });

test("422 if nothing was stored: a refused batch, refused records, unreadable rows, or nothing sent", async () => {
  gateway.accessor.ingest.ingestBatch = ({ sequence }) => ({
    result: {
      sequence,
      refusal: { reason: ErrorReason.MACHINE_NAME_INVALID, message: "press 7 has a space" },
    },
  });
  const refused = await gateway.post("/signals", {
    signals: [power("press 7", 1), power("press 7", 2)],
  });
  expect(refused.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
  expect(refused.body).toMatchObject({
    status: 422,
    type: "urn:millrace:v1:MACHINE_NAME_INVALID",
    title: "Machine name invalid",
    reason: "MACHINE_NAME_INVALID",
    detail: "nothing was stored: press 7 has a space",
    accepted: 0,
    verdicts: [{ row: 0, count: 2, reason: "MACHINE_NAME_INVALID" }],
  });
  expect((await gateway.post("/signals", { signals: [1, 2] })).body).toMatchObject({
    status: 422,
    title: "Unprocessable Content",
    rejected: 2,
    results: [],
  });
});

test.each([
  ["application/json", '{"machine":"m"}'],
  ["application/json", '{"machine":"m","samples":[{"signal":"power"}]}'],
  ["application/json", '{"signals":[]}'],
])("%s without a record is 422: %j", async (type, body) => {
  for (const accept of ["application/json", "application/x-ndjson"]) {
    const answer = await gateway.ask("/signals", {
      method: "POST",
      headers: { "content-type": type, accept },
      body,
    });
    expect(answer.body).toMatchObject({
      status: 422,
      reason: "REQUEST_INVALID",
      detail: "the request holds no record",
    });
  }
  expect(taken).toEqual([]);
});

test.each([
  ["no object", "7", "body"],
  ["no JSON", "{", "body"],
  ["nothing", "", "body"],
  ["signals that are no list", { signals: {} }, "signals"],
  ["a row by itself", { machine: "m", signal: "power", time: "now", value: 1 }, "signal"],
  ["rows and columns", { signals: [], samples: [] }, "samples"],
  ["a field that a batch does not have", { machine: "m", sampels: [] }, "body"],
  [
    "a value that is no number",
    { machine: "m", samples: [{ signal: "power", values: ["x"] }] },
    "body",
  ],
  ["a sequence without producer_id", { machine: "m", sequence: 1 }, "producer_id"],
  ["a producer_id without sequence", { machine: "m", producer_id: "p" }, "sequence"],
  [
    "an id of the gateway's naming",
    { machine: "m", producer_id: "rest:1", sequence: 1 },
    "producer_id",
  ],
  [
    "one of an Idempotency-Key",
    { machine: "m", producer_id: `http:${"0".repeat(40)}`, sequence: 1 },
    "producer_id",
  ],
  [
    "a sequence beyond bounds",
    { machine: "m", producer_id: "p", sequence: "18446744073709551615" },
    "sequence",
  ],
  ["a fraction as sequence", { machine: "m", producer_id: "p", sequence: 1.5 }, "sequence"],
])("400 for %s", async (_what, body, field) => {
  const answer = await gateway.post("/signals", body);
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ reason: "REQUEST_INVALID", field });
  expect(taken).toEqual([]);
});

test("errors of the accessor keep their reason", async () => {
  gateway.accessor.ingest.ingestBatch = () => {
    throw reasonError("SEQUENCE_GAP", Code.OutOfRange, "7 is next", {
      metadata: { expected_sequence: "7" },
    });
  };
  const { status, body } = await gateway.post("/signals", {
    machine: "m",
    stateChanges: [{ time: "2026-03-01T08:00:00Z", state: "MACHINE_STATE_IDLE" }],
    producer_id: "p",
    sequence: 9,
  });
  expect([status, body["reason"], body["metadata"]]).toEqual([
    409,
    "SEQUENCE_GAP",
    { expected_sequence: "7" },
  ]);
});

test("a body over 32 MiB is 413, on HTTP/1.1 and on HTTP/2", async () => {
  const large = `"${"x".repeat(32 * 1024 * 1024)}"`;
  const first = await gateway.post("/signals", large);
  expect([first.status, first.body["title"]]).toEqual([413, "Content Too Large"]);
  const session = connect(gateway.baseUrl);
  const stream = session.request({
    ":method": "POST",
    ":path": "/signals",
    "content-type": "application/json",
  });
  stream.on("error", () => {});
  stream.end(large);
  const [headers] = await once(stream, "response");
  expect(headers[":status"]).toBe(413);
  session.destroy();
});

test("so is one that is larger than gRPC takes once it is a message", async () => {
  const values = `[${"1,".repeat(6_000_000)}1]`;
  const column = `{"signal":"power","grid":{"start_us":1,"period_us":1},"values":${values}}`;
  const { status, body } = await gateway.post("/signals", `{"machine":"m","samples":[${column}]}`);
  expect([status, body["title"]]).toEqual([413, "Content Too Large"]);
});

test("beyond the caller's rate the first batch of a POST is refused, and a later one waits", async () => {
  const answers: ("limited" | "taken")[] = ["limited", "taken", "limited", "limited", "taken"];
  const { ingestBatch } = takeEverything(taken);
  gateway.accessor.ingest = {
    ingestBatch(request, context) {
      if (answers.shift() !== "limited") return ingestBatch!(request, context);
      const metadata = { limit: "minutes-per-second" };
      throw reasonError("RATE_LIMITED", Code.ResourceExhausted, "too thin", {
        metadata,
        retryMs: 20,
      });
    },
  };
  const signals = [power("mill-1", 1), power("mill-2", 2)];
  const refused = await gateway.post("/signals", { signals });
  expect(refused).toMatchObject({ status: 429, body: { reason: "RATE_LIMITED" } });
  expect(taken).toEqual([]);
  const { status, body } = await gateway.post("/signals", { signals });
  expect({ status, body }).toMatchObject({ status: 200, body: { accepted: 2 } });
  expect(taken.map(({ batch, sequence }) => [batch?.machine, sequence])).toEqual([
    ["mill-1", 1n],
    ["mill-2", 2n],
  ]);
  expect(answers).toEqual([]);
});
