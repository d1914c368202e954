// What waits of the messages of a call: memory of its own, and not many that are tiny.
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { bytes, openTestServer, type TestService } from "../testing/service.ts";
import type { ArrivalBudget } from "./arrivals.ts";

const room: ArrivalBudget = { acquire: async () => {}, release: () => {} };

test("a small message does not keep the pool that Node made it in", async () => {
  await using server = await openTestServer({
    unary: ({ value }) => bytes(value.buffer.byteLength),
  });
  for (let i = 0; i < 5; i++)
    expect((await server.client.unary(bytes(100))).value.length).toBeLessThan(250);
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
  expect((await client.clientStream(send([...Array(64).fill(0), ...beside]))).value.length).toBe(
    1_064,
  );
  await expect(client.clientStream(send(Array(5_000).fill(0)))).rejects.toMatchObject({
    code: Code.ResourceExhausted,
    rawMessage: "too small",
  });
});
