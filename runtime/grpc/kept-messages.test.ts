// What waits of the messages of a call: few pieces, memory of its own, and not many that are tiny.
import { PassThrough } from "node:stream";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { StreamDecoder } from "@grpc/grpc-js/build/src/stream-decoder.js";
import { expect, test } from "vitest";
import { type ArrivalRoom, Arrivals } from "./arrivals.ts";
import { letIn, type ReadingCall } from "./let-in.ts";
import { bytes, openTestServer, type TestService } from "./test-service.ts";

const room: ArrivalRoom = { acquire: async () => {}, release: () => {} };

test("of a message in many small frames a few pieces are kept, not a buffer for each", () => {
  const decoder = new StreamDecoder(-1);
  const messages: Buffer[] = [];
  const stream = new PassThrough();
  const call = {
    ...{ stream, decoder },
    handleDataFrame(data: Buffer) {
      for (const message of decoder.write(data) as Buffer[]) messages.push(message);
    },
  } as unknown as ReadingCall;
  using arrivals = new Arrivals({ room, tooSlow: () => {}, tooSmall: () => {} });
  letIn(call, {
    arrival: arrivals.open(
      () => "",
      () => {},
    ),
    unpackedBytes: 0,
  });
  const framed = Buffer.alloc(5 + 4 * 1_024, 7);
  framed.writeUInt8(0);
  framed.writeUInt32BE(4 * 1_024, 1);
  let most = 0;
  for (let at = 0; at < framed.length; at += 16) {
    call.handleDataFrame(framed.subarray(at, at + 16));
    most = Math.max(most, call.decoder.readPartialMessage.length);
  }
  expect(most).toBeLessThanOrEqual(16);
  expect(messages).toEqual([framed]);
  // Of a message that is whole, nothing is kept here.
  expect(call.decoder.readPartialMessage).toEqual([]);
});

test("a small message does not keep the pool that Node made it in", async () => {
  await using server = await openTestServer({ unary: ({ value }) => bytes(value.buffer.byteLength) });
  for (let i = 0; i < 5; i++) expect((await server.client.unary(bytes(100))).value.length).toBeLessThan(250);
});

test("a call that sends many empty messages is ended by name; one with some beside larger ones is not", async () => {
  const count: ServiceImpl<TestService>["clientStream"] = async (messages) => {
    let read = 0;
    for await (const _ of messages) read++;
    return bytes(read);
  };
  const tooSmall = () => new ConnectError("too small", Code.ResourceExhausted);
  const incoming = { room, tooSlow: () => {}, tooSmall, callerOf: () => "" };
  await using server = await openTestServer({ clientStream: count }, { incoming });
  const { client } = server;
  async function* send(sizes: number[]) {
    for (const size of sizes) yield bytes(size);
  }
  const beside = Array.from({ length: 200 }, () => [20, 0, 0, 0, 0]).flat();
  expect((await client.clientStream(send([...Array(64).fill(0), ...beside]))).value.length).toBe(1_064);
  await expect(client.clientStream(send(Array(5_000).fill(0)))).rejects.toMatchObject({
    ...{ code: Code.ResourceExhausted, rawMessage: "too small" },
  });
});
