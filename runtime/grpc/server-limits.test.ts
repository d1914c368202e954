// A server reads no more of a request than its method takes, decompresses a few at once, and
// neither before the caller is known.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { Code, ConnectError, createContextValues } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { bytes, openTestServer, type TestServer } from "../testing/service.ts";
import { createTurns, decompress } from "./decompress.ts";
import { requestLimits } from "./message-limits.ts";
import type { GrpcServerOptions } from "./server.ts";

const frame = (message: Buffer, compressed = false, length = message.length) => {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
};

/** Makes a call of bytes; answers its status and message. */
async function call(
  server: TestServer,
  method: string,
  body: Buffer,
  headers: Record<string, string> = {},
) {
  const session = connectHttp2(`http://127.0.0.1:${server.server.port}`);
  const head = {
    ":method": "POST",
    ":path": `/test.TestService/${method}`,
    "content-type": "application/grpc",
  };
  const stream = session.request({ ...head, te: "trailers", "grpc-encoding": "gzip", ...headers });
  let told: Record<string, unknown> = {};
  const note = (received: Record<string, unknown>) => {
    told = { ...told, ...received };
  };
  stream.on("response", note).on("trailers", note).resume();
  stream.end(body);
  await once(stream, "close");
  session.destroy();
  return {
    code: Number(told["grpc-status"]),
    message: decodeURIComponent(String(told["grpc-message"] ?? "")),
  };
}

const limitsOf: GrpcServerOptions["limitsOf"] = () => ({
  maxBytes: 1_000,
  maxDecompressedBytes: 2_000,
  maxCostBytes: 1_000_000,
  maxCostPerByte: 1_000,
});
const length = { unary: ({ value }: { value: Uint8Array }) => bytes(value.length) };

/** A BytesValue of so many bytes. */
const value = (count: number) => {
  const size = Buffer.from([0x0a, (count & 127) | 128, count >> 7]);
  return Buffer.concat([size, Buffer.alloc(count)]);
};

test("a length beyond the method's is refused before what it announces has come", async () => {
  await using server = await openTestServer(length, { limitsOf });
  const refused = await call(server, "Unary", frame(Buffer.alloc(0), false, 1_001));
  expect(refused).toEqual({
    code: Code.ResourceExhausted,
    message: expect.stringMatching(/more than 1000 bytes/),
  });
  expect((await call(server, "Unary", frame(value(900)))).code).toBe(0);
});

test("a compressed message is read up to its own bound", async () => {
  await using server = await openTestServer(length, { limitsOf });
  expect((await call(server, "Unary", frame(gzipSync(value(1_900)), true))).code).toBe(0);
  const refused = await call(
    server,
    "Unary",
    frame(gzipSync(Buffer.alloc(1_000_000)).subarray(0, 990), true),
  );
  expect(refused).toEqual({
    code: Code.ResourceExhausted,
    message: expect.stringMatching(/2000 bytes when decomp/),
  });
  const broken = await call(server, "Unary", frame(Buffer.from("not gzip"), true));
  expect(broken).toEqual({
    code: Code.InvalidArgument,
    message: expect.stringMatching(/decompressed/),
  });
});

test("unknown fields are refused by what they would cost, in streams too", async () => {
  await using server = await openTestServer(
    {
      async clientStream(requests) {
        for await (const _ of requests);
        return bytes(1);
      },
    },
    { limitsOf: () => ({ maxBytes: 1e6, maxCostBytes: 10_000, maxCostPerByte: 32 }) },
  );
  const bomb = frame(gzipSync(Buffer.alloc(20_000, Uint8Array.of(0x10, 0))), true);
  for (const method of ["Unary", "ClientStream"])
    expect((await call(server, method, bomb)).code).toBe(Code.ResourceExhausted);
});

test("who is refused has nothing decompressed, and what is not asked for is not either", async () => {
  let turns = 0;
  const counting = { limitsOf, decompressAtOnce: 1 };
  await using refusing = await openTestServer(length, {
    ...counting,
    authorize: async () => Promise.reject(new ConnectError("no", Code.Unauthenticated)),
  });
  const bomb = frame(gzipSync(Buffer.alloc(1_000_000)).subarray(0, 990), true);
  expect((await call(refusing, "Unary", bomb)).code).toBe(Code.Unauthenticated);
  // One turn at a time: the handler that takes the first message and no other leaves the rest as it
  // came.
  await using server = await openTestServer(
    {
      async clientStream(requests) {
        const iterator = requests[Symbol.asyncIterator]();
        await iterator.next();
        turns++;
        await iterator.return?.();
        return bytes(1);
      },
    },
    { ...counting, authorize: async () => ({ contextValues: createContextValues() }) },
  );
  const stream = Buffer.concat([frame(gzipSync(value(10)), true), bomb, bomb]);
  expect([(await call(server, "ClientStream", stream)).code, turns]).toEqual([0, 1]);
});

test("turns: a few at once, all in the end, also where some fail", async () => {
  let [running, most] = [0, 0];
  const inTurn = createTurns(2);
  const run = (i: number) => async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    if (i % 3 === 0) throw new Error("bad");
  };
  const all = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => inTurn(run(i))));
  expect(all.filter(({ status }) => status === "fulfilled").length).toBe(20);
  expect([most, running]).toEqual([2, 0]);
});

test("decompression stops at its bound, which itself is let in", async () => {
  expect((await decompress("gzip", gzipSync(Buffer.alloc(5_000)), 5_000)).length).toBe(5_000);
  await expect(decompress("gzip", gzipSync(Buffer.alloc(5_001)), 5_000)).rejects.toMatchObject({
    limit: "decompressed-bytes",
    max: 5_000,
  });
});

test("a request without a list may have 2 KiB", () => {
  expect(requestLimits(Health.method.check).maxBytes).toBe(2_048);
});
