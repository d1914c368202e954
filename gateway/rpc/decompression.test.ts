// Bombs: data that becomes too large when it is decompressed, in messages of every protocol and in
// bodies of REST.

import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { openTestGateway } from "../testing/gateway.ts";

const zeros = Buffer.alloc(64 * 1024 * 1024);
const ingest = "/millrace.v1.IngestService/IngestBatch";

test.each([
  ["gzip", gzipSync(zeros)],
  ["br", brotliCompressSync(zeros)],
])(
  "a Connect body that %s makes large is refused, and not read as a whole",
  async (encoding, bomb) => {
    await using gateway = await openTestGateway();
    const headers = { "content-type": "application/proto", "content-encoding": encoding };
    const answer = await gateway.ask(ingest, { method: "POST", headers, body: bomb });
    expect([answer.status, answer.body["code"]]).toEqual([429, "resource_exhausted"]);
  },
);

test("so is a message of gRPC", async () => {
  await using gateway = await openTestGateway();
  const bomb = gzipSync(zeros);
  const head = Buffer.alloc(5);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(bomb.length, 1);
  const session = connectHttp2(gateway.baseUrl);
  const call = session.request({
    ":method": "POST",
    ":path": ingest,
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-encoding": "gzip",
  });
  call.end(Buffer.concat([head, bomb]));
  call.resume();
  const [trailers] = await once(call, "trailers");
  expect(trailers["grpc-status"]).toBe("8");
  session.destroy();
});

test.each([
  ["gzip", gzipSync(zeros)],
  ["br", brotliCompressSync(zeros)],
  ["zstd", zstdCompressSync(zeros)],
])("REST takes no body that is compressed by %s", async (encoding, bomb) => {
  await using gateway = await openTestGateway();
  for (const type of ["application/json", "application/x-ndjson"]) {
    const headers = { "content-type": type, "content-encoding": encoding };
    expect((await gateway.ask("/signals", { method: "POST", headers, body: bomb })).status).toBe(
      415,
    );
  }
});
