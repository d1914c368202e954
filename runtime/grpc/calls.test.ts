// The four kinds of calls over real sockets: messages in order, errors with their details, and an
// answer to whatever comes.
import { toBinary } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { bytes, collect, openTestServer } from "../testing/service.ts";
import { maxSentBytes } from "./message-limits.ts";

const firsts = (messages: { value: Uint8Array }[]) => messages.map(({ value }) => value[0]);

async function* sending(...fills: number[]) {
  for (const fill of fills) yield bytes(1, fill);
}

test("each kind of call carries its messages, in order", async () => {
  await using server = await openTestServer({
    unary: ({ value }) => bytes(1, value[0]! + 1),
    async *serverStream({ value }) {
      for (let i = 0; i < value[0]!; i++) yield bytes(1, i);
    },
    async clientStream(requests) {
      return bytes(
        1,
        firsts(await collect(requests)).reduce((sum, value) => sum! + value!, 0),
      );
    },
    async *bidi(requests) {
      for await (const { value } of requests) yield bytes(1, value[0]! * 2);
    },
  });
  const { client } = server;
  expect((await client.unary(bytes(1, 41))).value[0]).toBe(42);
  expect(firsts(await collect(client.serverStream(bytes(1, 4))))).toEqual([0, 1, 2, 3]);
  expect((await client.clientStream(sending(1, 2, 3))).value[0]).toBe(6);
  expect(firsts(await collect(client.bidi(sending(1, 2, 3))))).toEqual([2, 4, 6]);
  expect(await collect(client.bidi(sending()))).toEqual([]);
});

test("an error's code, text and details arrive, in every kind of call, after the messages before it", async () => {
  const fail = () => {
    const info = { desc: ErrorInfoSchema, value: { reason: "WHY", metadata: { field: "ü" } } };
    throw new ConnectError("not so: 100 % “ü”", Code.OutOfRange, { "x-hint": "try less" }, [info]);
  };
  await using server = await openTestServer({
    unary: fail,
    async *serverStream() {
      yield bytes(1, 7);
      fail();
    },
    clientStream: fail,
    async *bidi() {
      yield bytes(1, 7);
      fail();
    },
  });
  const { client } = server;
  const seen: unknown[] = [];
  const reading = async (messages: AsyncIterable<{ value: Uint8Array }>) => {
    for await (const { value } of messages) seen.push(value[0]);
  };
  for (const call of [
    () => client.unary(bytes(1)),
    () => reading(client.serverStream(bytes(1))),
    () => client.clientStream(sending(1)),
    () => reading(client.bidi(sending(1))),
  ]) {
    const error = await (call() as Promise<unknown>).then(
      () => undefined,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(ConnectError);
    expect([error.code, error.rawMessage]).toEqual([Code.OutOfRange, "not so: 100 % “ü”"]);
    expect(error.metadata.get("x-hint")).toBe("try less");
    expect(error.findDetails(ErrorInfoSchema)).toMatchObject([
      { reason: "WHY", metadata: { field: "ü" } },
    ]);
  }
  expect(seen).toEqual([7, 7]);
});

test("a request that breaks a rule does not reach its handler", async () => {
  let reached = false;
  await using server = await openTestServer(
    {
      unary: () => {
        reached = true;
        return bytes(1);
      },
    },
    {
      validate: () => {
        throw new ConnectError("too dull", Code.InvalidArgument);
      },
    },
  );
  await expect(server.client.unary(bytes(1))).rejects.toMatchObject({
    code: Code.InvalidArgument,
    rawMessage: "too dull",
  });
  expect(reached).toBe(false);
});

test("what is not protobuf is an invalid argument, alone and in a stream", async () => {
  await using server = await openTestServer({
    unary: () => bytes(1),
    async clientStream(requests) {
      return bytes((await collect(requests)).length);
    },
  });
  const client = new Client(`127.0.0.1:${server.server.port}`, credentials.createInsecure());
  const raw = (data: Buffer) => data;
  const unary = await new Promise<ServiceError | null>((resolve) => {
    client.makeUnaryRequest("/test.TestService/Unary", raw, raw, Buffer.from([0xff]), resolve);
  });
  const streamed = await new Promise<ServiceError | null>((resolve) => {
    const call = client.makeClientStreamRequest(
      "/test.TestService/ClientStream",
      raw,
      raw,
      resolve,
    );
    call.write(
      Buffer.from(
        toBinary(BytesValueSchema, { $typeName: "google.protobuf.BytesValue", ...bytes(3) }),
      ),
    );
    call.end(Buffer.from([0xff]));
  });
  client.close();
  expect([unary?.code, streamed?.code]).toEqual([Code.InvalidArgument, Code.InvalidArgument]);
});

test("a message over the limit exhausts resources, alone and in a stream, and the next call is answered", async () => {
  await using server = await openTestServer({
    unary: () => bytes(1),
    async *bidi(requests) {
      for await (const { value } of requests) yield bytes(value.length);
    },
  });
  const { client } = server;
  await expect(client.unary(bytes(2 << 20))).rejects.toMatchObject({
    code: Code.ResourceExhausted,
  });
  const large = async function* () {
    yield bytes(10);
    yield bytes(2 << 20);
  };
  await expect(collect(client.bidi(large()))).rejects.toMatchObject({
    code: Code.ResourceExhausted,
  });
  expect((await client.unary(bytes(1))).value).toHaveLength(1);
});

test("a method without an implementation is unimplemented", async () => {
  await using server = await openTestServer({});
  await expect(server.client.unary(bytes(1))).rejects.toMatchObject({ code: Code.Unimplemented });
  await expect(collect(server.client.serverStream(bytes(1)))).rejects.toMatchObject({
    code: Code.Unimplemented,
  });
});

test("a source that fails ends the call with its failure", async () => {
  await using server = await openTestServer({
    async *bidi(requests) {
      for await (const { value } of requests) yield bytes(value.length);
    },
  });
  const failing = async function* () {
    yield bytes(1);
    throw new ConnectError("no more tape", Code.DataLoss);
  };
  await expect(collect(server.client.bidi(failing()))).rejects.toMatchObject({
    code: Code.DataLoss,
  });
});

test("an answer that is larger than any client takes is not sent, in either kind of call", async () => {
  const told: number[] = [];
  const large = bytes(maxSentBytes);
  await using server = await openTestServer(
    {
      unary: ({ value }) => bytes(maxSentBytes - 5 + value[0]!),
      async *serverStream() {
        yield bytes(1, 7);
        yield large;
      },
    },
    {
      answerTooLarge: (size) => {
        told.push(size);
        return new ConnectError("too large", Code.ResourceExhausted);
      },
    },
  );
  const { client } = server;
  // Tag and length take five bytes: this is the largest that goes.
  expect((await client.unary(bytes(1))).value.length).toBe(maxSentBytes - 5);
  const seen: number[] = [];
  const reading = async () => {
    for await (const { value } of client.serverStream(bytes(1))) seen.push(value[0]!);
  };
  await expect(reading()).rejects.toMatchObject({
    code: Code.ResourceExhausted,
    rawMessage: "too large",
  });
  expect(seen).toEqual([7]);
  expect(told).toEqual([maxSentBytes + 5]);
});
