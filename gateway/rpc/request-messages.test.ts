// The cost of a message is counted before Connect decodes it: in every protocol, compressed or not,
// in a URL too.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { create, type MessageInitShape, toBinary, toJson } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { IngestBatchRequestSchema, IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { ListMachinesRequestSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { createTurns } from "../../runtime/grpc/decompress.ts";
import { receivedBytes } from "../../runtime/grpc/received.ts";
import { openTestGateway } from "../testing/gateway.ts";
import { limitMessages } from "./request-messages.ts";

const mib = 1024 * 1024;
const check = "/grpc.health.v1.Health/Check";
const ingest = "/millrace.v1.IngestService/IngestBatch";
const signals = "/millrace.v1.SignalService/ListSignals";
const times = (bytes: readonly number[], count: number) =>
  Buffer.alloc(bytes.length * count, Uint8Array.from(bytes));
const unknown = times([0x10, 0x00], 1_000);
const nested = (no: number, inner: Buffer) => {
  const head = [no * 8 + 2];
  for (let rest = inner.length; ; rest >>>= 7) {
    head.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest < 128) break;
  }
  return Buffer.concat([Uint8Array.from(head), inner]);
};
const empties = nested(3, times([0x12, 0x00], 500_000));
const enclose = (flags: number, bytes: Buffer) => {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};

type Case = [name: string, path: string, headers: Record<string, string>, body: Buffer | string];

test.each<Case>([
  ["unknown fields", check, { "content-type": "application/proto" }, times([0x10, 0x00], 1_020)],
  [
    "unknown fields in gzip",
    check,
    { "content-type": "application/proto", "content-encoding": "gzip" },
    gzipSync(times([0x10, 0x00], mib)),
  ],
  [
    "empty submessages in br",
    ingest,
    { "content-type": "application/proto", "content-encoding": "br" },
    brotliCompressSync(empties),
  ],
  ["empty submessages", ingest, { "content-type": "application/proto" }, empties],
  [
    "empty objects",
    ingest,
    { "content-type": "application/json" },
    `{"batch":{"stateChanges":[{}${",{}".repeat(500_000)}]}}`,
  ],
  [
    "numbers",
    ingest,
    { "content-type": "application/json" },
    `{"batch":{"samples":[{"values":[0${",0".repeat(4 * mib)}]}]}}`,
  ],
  [
    "members",
    check,
    { "content-type": "application/json" },
    `{${Array.from({ length: 150 }, (_, i) => `"${i}":{}`)}}`,
  ],
  ["depth", signals, { "content-type": "application/json" }, "[".repeat(5_000)],
  ["size", check, { "content-type": "application/json" }, `{"service":"${"a".repeat(2_048)}"}`],
])("a Connect body of %s", async (_name, path, headers, body) => {
  await using gateway = await openTestGateway();
  const answer = await gateway.ask(path, { method: "POST", headers, body: body as string });
  expect([answer.status, answer.body["code"]]).toEqual([429, "resource_exhausted"]);
  expect(answer.body["details"]).toMatchObject([
    { type: "google.rpc.ErrorInfo", debug: { reason: "MESSAGE_TOO_LARGE" } },
  ]);
});

test.each([
  ["as it is", `message=${"[".repeat(500)}&encoding=json`],
  [
    "compressed",
    `message=${gzipSync(times([0xa2, 0x06, 0x00], 80_000)).toString("base64url")}&encoding=proto&base64=1&compression=gzip`,
  ],
])("a Connect GET, %s", async (_name, query) => {
  await using gateway = await openTestGateway();
  const answer = await gateway.ask(`${signals}?connect=v1&${query}`);
  expect([answer.status, answer.body["code"]]).toEqual([429, "resource_exhausted"]);
});

test("a compressed Connect GET that is right is answered as one that is not compressed", async () => {
  await using gateway = await openTestGateway();
  const message = gzipSync(Buffer.from("{}")).toString("base64url");
  const query = (text: string) => gateway.ask(`${signals}?connect=v1&encoding=json&${text}`);
  const plain = await query("message=%7B%7D");
  const compressed = await query(`message=${message}&base64=1&compression=gzip`);
  expect([compressed.status, compressed.body]).toEqual([plain.status, plain.body]);
});

test.each(["application/grpc", "application/grpc-web+proto", "application/connect+proto"])(
  "an envelope of %s, whole or in pieces, compressed or not",
  async (type) => {
    await using gateway = await openTestGateway();
    const path = type === "application/connect+proto" ? "/grpc.health.v1.Health/Watch" : check;
    for (const [body, encoding] of [
      [enclose(0, unknown), "identity"],
      [enclose(1, gzipSync(unknown)), "gzip"],
      [enclose(0, Buffer.alloc(0)), "identity"],
    ] as const) {
      const session = connectHttp2(gateway.baseUrl);
      const call = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": type,
        te: "trailers",
        "grpc-encoding": encoding,
        "connect-content-encoding": encoding,
      });
      let told = "";
      call.on("response", (headers) => {
        told += JSON.stringify(headers);
      });
      call.on("trailers", (headers) => {
        told += JSON.stringify(headers);
      });
      call.on("data", (data: Buffer) => {
        told += data.toString("latin1");
        if (body.length === 5) call.close();
      });
      for (let at = 0; at < body.length; at += 700) call.write(body.subarray(at, at + 700));
      call.end();
      await once(call, "close");
      session.destroy();
      if (body.length === 5) expect(told).not.toMatch(/more than/);
      else expect(told).toMatch(/more than|more%20than/);
    }
  },
);

test("the largest honest batch passes, in JSON as in protobuf", async () => {
  await using gateway = await openTestGateway();
  const errorReports = Array.from({ length: 65_536 }, (_, i) => ({
    time: { seconds: 1_700_000_000n, nanos: i * 1_000 },
    severity: 1,
    code: "E",
    message: "",
  }));
  const init = { producerId: "p", sequence: 1n, batch: { machine: "m", errorReports } };
  const request = create(
    IngestBatchRequestSchema,
    init as MessageInitShape<typeof IngestBatchRequestSchema>,
  );
  for (const [type, body] of [
    ["application/proto", toBinary(IngestBatchRequestSchema, request)],
    ["application/json", JSON.stringify(toJson(IngestBatchRequestSchema, request))],
  ] as const) {
    const answer = await gateway.ask(ingest, {
      method: "POST",
      headers: { "content-type": type },
      body: body as string,
    });
    // There is no accessor in this test: the requests do not matter.
    expect(answer.body["code"]).not.toBe("resource_exhausted");
  }
});

test.each([
  ["bare numbers", `{"signals":[0${",0".repeat(500_000)}]}`],
  ["empty rows", `{"signals":[{}${",{}".repeat(300_000)}]}`],
  ["depth", `{"signals":${"[".repeat(5_000)}`],
])("a body of REST of %s", async (_name, body) => {
  await using gateway = await openTestGateway();
  const answer = await gateway.ask("/signals", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  expect(answer).toMatchObject({ status: 413, body: { reason: "MESSAGE_TOO_LARGE" } });
});

test("unknown fields are not passed on to the accessor", async () => {
  await using gateway = await openTestGateway();
  const arrived: [number, number][] = [];
  gateway.accessor.signals.listMachines = (request) => {
    arrived.push([request.pageSize, receivedBytes(request)]);
    return {};
  };
  const known = toBinary(
    ListMachinesRequestSchema,
    create(ListMachinesRequestSchema, { pageSize: 7 }),
  );
  // Field 100, a number.
  const body = Buffer.concat([known, Uint8Array.from([0xa0, 0x06, 0x01])]);
  const headers = { "content-type": "application/proto" };
  const answer = await fetch(`${gateway.baseUrl}/millrace.v1.SignalService/ListMachines`, {
    method: "POST",
    headers,
    body,
  });
  await answer.arrayBuffer();
  expect(answer.status).toBe(200);
  expect(arrived).toEqual([[7, known.length]]);
});

/**
 * In pieces of 16 bytes. The data of a piece is overwritten as soon as the second one after it is
 * read.
 */
async function* passing(whole: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  let before: Buffer | undefined;
  for (let at = 0; at < whole.length; at += 16) {
    const piece = Buffer.from(whole.subarray(at, at + 16));
    yield piece;
    if (at + 16 < whole.length) before?.fill(0xff);
    before = piece;
  }
}

test.each([
  ["application/proto", (bytes: Buffer) => bytes],
  ["application/grpc", (bytes: Buffer) => enclose(0, bytes)],
])("of a message in many small pieces none is kept as it came: %s", async (type, framed) => {
  const method = IngestService.method.ingestBatch;
  const message = create(IngestBatchRequestSchema, {
    batch: { machine: "m", errorReports: [{ message: "x".repeat(5_000) }] },
  });
  const whole = framed(Buffer.from(toBinary(IngestBatchRequestSchema, message)));
  const request = {
    httpVersion: "2",
    method: "POST",
    url: `http://x${ingest}`,
    header: new Headers({ "content-type": type }),
  };
  const limits = { maxBytes: mib, freeCostBytes: mib, maxCostPerByte: 64, maxCostBytes: 64 * mib };
  const { body } = await limitMessages(
    { ...request, body: passing(whole), signal: new AbortController().signal },
    { method, limits, inTurn: createTurns(1) },
  );
  const read: Uint8Array[] = [];
  for await (const piece of body as AsyncIterable<Uint8Array>) read.push(piece);
  expect(Buffer.concat(read)).toEqual(whole);
});
