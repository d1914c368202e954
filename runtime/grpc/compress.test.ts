// Answers to clients that offer gzip, and to those that do not: a raw client that shows what is on
// the wire, and grpc-js's own.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:http2";
import { gunzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { bytes, openTestServer, type TestServer } from "../testing/service.ts";
import { createCompress, declineHeader } from "./compress.ts";

const kib = 1024;

/**
 * Answers as many bytes as the first byte of the request says, of KiB: zeros, or no two alike if
 * there is a second byte.
 */
function answerTo({ value: [count = 0, isRandom] }: { value: Uint8Array }) {
  if (isRandom === undefined) return bytes(count * kib);
  return { value: new Uint8Array(randomBytes(count * kib)) };
}

const openServer = (options: Parameters<typeof openTestServer>[1] = {}) =>
  openTestServer(
    {
      unary: answerTo,
      async *serverStream(request) {
        yield answerTo({ value: new Uint8Array([1]) });
        for (let i = 0; i < 3; i++) yield answerTo(request);
      },
      async *bidi(requests) {
        for await (const request of requests) yield answerTo(request);
      },
    },
    options,
  );

/** What is on the wire for a request of some bytes. */
async function ask(
  { server }: TestServer,
  method: string,
  request: number[],
  headers: Record<string, string>,
) {
  const session = connect(`http://127.0.0.1:${server.port}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": `/test.TestService/${method}`,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    const head = once(stream, "response");
    const body = Buffer.from(
      toBinary(BytesValueSchema, create(BytesValueSchema, { value: new Uint8Array(request) })),
    );
    stream.end(Buffer.concat([Buffer.of(0, 0, 0, 0, body.length), body]));
    const [response] = await head;
    let rest = Buffer.concat(await stream.toArray());
    const messages: { compressed: boolean; wireBytes: number; bytes: number }[] = [];
    while (rest.length > 0) {
      const framed = rest.subarray(5, 5 + rest.readUInt32BE(1));
      const compressed = rest[0] === 1;
      const { value } = fromBinary(BytesValueSchema, compressed ? gunzipSync(framed) : framed);
      messages.push({ compressed, wireBytes: framed.length, bytes: value.length });
      rest = rest.subarray(5 + framed.length);
    }
    return { encoding: (response as Record<string, unknown>)["grpc-encoding"], messages };
  } finally {
    session.close();
  }
}

const gzip = { "grpc-accept-encoding": "identity, deflate,gzip" };

test.each([
  ["a large answer", "Unary", [200], gzip, "gzip", [true]],
  ["no offer", "Unary", [200], {}, "identity", [false]],
  [
    "another offer",
    "Unary",
    [200],
    { "grpc-accept-encoding": "identity,deflate,x-gzip2" },
    "identity",
    [false],
  ],
  [
    "an offer as grpc-js and connect-go make it",
    "Unary",
    [200],
    { ...gzip, "accept-encoding": "identity" },
    "gzip",
    [true],
  ],
  [
    "an offer that is taken back",
    "Unary",
    [200],
    { ...gzip, [declineHeader]: "identity" },
    "identity",
    [false],
  ],
  ["a small answer", "Unary", [15], gzip, "identity", [false]],
  ["an answer that gets no smaller", "Unary", [200, 1], gzip, "identity", [false]],
  ["a stream: what is large", "ServerStream", [100], gzip, "gzip", [false, true, true, true]],
  [
    "a stream without an offer",
    "ServerStream",
    [100],
    {},
    "identity",
    [false, false, false, false],
  ],
  [
    "a stream of what gets no smaller",
    "ServerStream",
    [100, 1],
    gzip,
    "gzip",
    [false, false, false, false],
  ],
  ["a stream that answers a stream", "Bidi", [100], gzip, "identity", [false]],
])("%s", async (_, method, request, headers, encoding, compressed) => {
  await using server = await openServer();
  const answer = await ask(server, method, request, headers);
  expect(answer.encoding).toBe(encoding);
  expect(answer.messages.map((one) => one.compressed)).toEqual(compressed);
  for (const one of answer.messages.filter((message) => message.compressed)) {
    expect(one.bytes).toBe(request[0]! * kib);
    expect(one.wireBytes).toBeLessThan(kib);
  }
});

test("a method may be left out", async () => {
  await using server = await openServer({ compresses: ({ name }) => name !== "ServerStream" });
  expect((await ask(server, "ServerStream", [100], gzip)).encoding).toBe("identity");
  expect((await ask(server, "Unary", [100], gzip)).encoding).toBe("gzip");
});

test("a client of grpc-js with default settings reads it, and our own transport gets it as it is", async () => {
  const compressed: string[] = [];
  await using server = await openServer({ compresses: ({ name }) => compressed.push(name) > 0 });
  const client = new Client(`127.0.0.1:${server.server.port}`, credentials.createInsecure());
  const request = Buffer.from(
    toBinary(BytesValueSchema, create(BytesValueSchema, { value: new Uint8Array([250]) })),
  );
  const same = (buffer: Buffer) => buffer;
  try {
    const [length, encoding] = await new Promise<[number, unknown]>((resolve, reject) => {
      let seen: unknown;
      const call = client.makeUnaryRequest(
        "/test.TestService/Unary",
        same,
        same,
        request,
        (error: ServiceError | null, answer) => {
          if (error) reject(error);
          else resolve([fromBinary(BytesValueSchema, answer!).value.length, seen]);
        },
      );
      call.on("metadata", (metadata) => {
        seen = metadata.get("grpc-accept-encoding");
      });
    });
    expect([length, encoding]).toEqual([250 * kib, []]);
    const sizes: number[] = [];
    for await (const { value } of server.client.serverStream({ value: new Uint8Array([100]) }))
      sizes.push(value.length);
    // Whether a method may be compressed is asked only where it was offered.
    expect(compressed).toEqual(["Unary"]);
    expect(sizes).toEqual([kib, 100 * kib, 100 * kib, 100 * kib]);
  } finally {
    client.close();
  }
});

test("a few wait for their turn and count as unread meanwhile; more are not compressed", async () => {
  const compress = createCompress();
  const frame = Buffer.alloc(100 * kib);
  let held = 0;
  let most = 0;
  const outgoing = {
    hold(count: number) {
      held += count;
      most = Math.max(most, held);
      return {
        [Symbol.dispose]: () => {
          held -= count;
        },
      };
    },
  };
  const answers = await Promise.all(Array.from({ length: 40 }, () => compress(frame, outgoing)));
  expect(answers.filter((one) => one === undefined)).toHaveLength(22);
  expect([most, held]).toEqual([18 * frame.length, 0]);
  expect((await compress(frame, outgoing))!.length).toBeLessThan(kib);
});
