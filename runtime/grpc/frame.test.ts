// Answers go out as frames that are made once: the same one on every stream that it is written to.
import { Duplex } from "node:stream";
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { BytesValueSchema, DescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { openTestServer } from "../testing/service.ts";
import { Turns } from "../turns.ts";
import {
  frameAhead,
  headBytes,
  sendFrames,
  sharedFrame,
  shareFrame,
  toFrame,
  toFrameInTurns,
} from "./frame.ts";

test("a frame is a message behind its length, made at once or in turns", async () => {
  const messages = fc
    .record({ name: fc.string(), names: fc.array(fc.string(), { maxLength: 300 }) })
    .map(({ name, names }) => ({
      name,
      field: names.map((one, number) => ({ name: one, number })),
    }));
  await fc.assert(
    fc.asyncProperty(messages, async (init) => {
      const message = create(DescriptorProtoSchema, init);
      const bytes = toBinary(DescriptorProtoSchema, message);
      const head = Buffer.of(0, 0, 0, bytes.length >>> 8, bytes.length & 255);
      const frame = Buffer.concat([head, bytes]);
      expect(toFrame(DescriptorProtoSchema, message)).toEqual(frame);
      expect(await toFrameInTurns(DescriptorProtoSchema, init, { turns: new Turns() })).toEqual(
        frame,
      );
    }),
  );
});

test("a large answer that is encoded ahead has its frame only, and a small one is as it was", async () => {
  const large = {
    name: "n",
    field: Array.from({ length: 1_000 }, (_, number) => ({ name: "f", number })),
  };
  const framed = (await frameAhead(DescriptorProtoSchema, large)) as Message;
  expect(Object.keys(framed)).toEqual([]);
  expect(sharedFrame(framed)).toEqual(
    toFrame(DescriptorProtoSchema, create(DescriptorProtoSchema, large)),
  );
  const small = { name: "n" };
  expect(await frameAhead(DescriptorProtoSchema, small)).toBe(small);
});

test("a shared message is encoded once, and written to each of its streams without a copy", async () => {
  const message = create(BytesValueSchema, { value: new Uint8Array(1_000).fill(7) });
  const bytes = toBinary(BytesValueSchema, message).length;
  expect(sharedFrame(message)).toBeUndefined();
  expect(shareFrame(BytesValueSchema, message)).toBe(bytes);
  const frame = sharedFrame(message)!;
  expect(frame.length).toBe(headBytes + bytes);
  expect(shareFrame(BytesValueSchema, message)).toBe(bytes);
  expect(sharedFrame(message)).toBe(frame);
  await using server = await openTestServer({
    unary: () => message,
    async *serverStream() {
      yield message;
    },
  });
  const write = vi.spyOn(Duplex.prototype, "write");
  try {
    for (let i = 0; i < 2; i++) {
      expect((await server.client.unary({})).value.length).toBe(1_000);
      for await (const { value } of server.client.serverStream({}))
        expect(value.length).toBe(1_000);
    }
    expect(write.mock.calls.filter(([chunk]) => (chunk as unknown) === frame).length).toBe(4);
  } finally {
    write.mockRestore();
  }
});

test("a grpc-js whose answers cannot go out as frames is refused", () => {
  const call = {} as ServerInterceptingCallInterface;
  expect(() => sendFrames({} as never, call as never)).toThrow("different internals");
});
