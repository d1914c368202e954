// Bytes that no gRPC client sends end their own call, and nothing else. (grpc-js before 1.14.4 died
// of the first: CVE-2026-48069.)
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { bytes, openTestServer } from "../testing/service.ts";

function frame(flag: number, body: Buffer, length = body.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, body]);
}

const zipped = gzipSync(Buffer.from([10, 1, 1]));

test.for<[what: string, headers: Record<string, string>, data: Buffer]>([
  [
    "a compressed frame of garbage",
    { "grpc-encoding": "gzip" },
    frame(1, Buffer.from("this is not gzip")),
  ],
  ["a compressed frame cut short", { "grpc-encoding": "gzip" }, frame(1, zipped.subarray(0, 12))],
  ["a compressed frame without an encoding", {}, frame(1, zipped)],
  ["an encoding that is not known", { "grpc-encoding": "br" }, frame(1, zipped)],
  ["a frame longer than its length", {}, frame(0, Buffer.from([10, 1, 1, 1, 1]), 3)],
  ["a length of 4 GiB", {}, frame(0, Buffer.from([10, 1, 1]), 0xffff_ffff)],
  ["a frame that is not complete", {}, Buffer.from([0, 0])],
  ["a flag that is not known", {}, frame(7, Buffer.from([10, 1, 1]))],
  ["a deadline that is not one", { "grpc-timeout": "soon" }, frame(0, Buffer.from([10, 1, 1]))],
  ["nothing", {}, Buffer.alloc(0)],
])("%s", async ([what, headers, data]) => {
  let open = 0;
  await using server = await openTestServer({
    unary: () => bytes(1),
    async *bidi(requests) {
      open++;
      try {
        for await (const { value } of requests) yield bytes(value.length);
      } finally {
        open--;
      }
    },
  });
  for (const method of ["Unary", "Bidi"]) {
    const session = connectHttp2(`http://127.0.0.1:${server.server.port}`);
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": `/test.TestService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    const status = new Promise<string | undefined>((resolve) => {
      stream.on(
        "response",
        (got) => got["grpc-status"] !== undefined && resolve(String(got["grpc-status"])),
      );
      stream.on("trailers", (got) => resolve(String(got["grpc-status"])));
      stream.on("error", () => {}).on("close", () => resolve(undefined));
    });
    stream.resume().end(data);
    // grpc-js overlooks a stream's torn end, what follows a unary request, and a flag that it does
    // not know.
    if (method === "Unary" && !/flag|longer/.test(what)) expect(await status).not.toBe("0");
    else await status;
    session.destroy();
  }
  expect((await server.client.unary(bytes(1))).value).toHaveLength(1);
  expect(open).toBe(0);
});

test("a connection that speaks no HTTP/2", async () => {
  await using server = await openTestServer({ unary: () => bytes(1) });
  const socket = connectTcp(server.server.port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.on("error", resolve).on("close", resolve));
  socket.resume().end("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await closed;
  expect((await server.client.unary(bytes(1))).value).toHaveLength(1);
});
