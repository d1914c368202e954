// Nobody is overrun: a reader that pauses stops the generator, and a handler that takes its time
// holds the writer back.

import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { eventually, settled } from "../../test/testing/eventually.ts";
import { bytes, openTestServer, testService } from "../testing/service.ts";
import { createGrpcTransport } from "./transport.ts";

const messageBytes = 64 * 1024;

test("a reader that pauses stops the generator within 4 MiB, and gets everything when it goes on", async () => {
  let produced = 0;
  await using server = await openTestServer({
    async *serverStream() {
      for (; produced < 500; produced++) yield bytes(messageBytes, produced % 256);
    },
  });
  const stream = server.client.serverStream(bytes(1))[Symbol.asyncIterator]();
  await stream.next();
  expect(await settled(() => produced)).toBeLessThan((4 << 20) / messageBytes);
  let read = 1;
  for (; !(await stream.next()).done; read++);
  expect(read).toBe(500);
});

test("one paused stream does not stop another on the same connection", async () => {
  await using server = await openTestServer({
    async *serverStream({ value }) {
      for (let i = 0; i < value[0]!; i++) yield bytes(messageBytes);
    },
  });
  const paused = server.client.serverStream(bytes(1, 200))[Symbol.asyncIterator]();
  await paused.next();
  let read = 0;
  for await (const _ of server.client.serverStream(bytes(1, 100))) read++;
  expect(read).toBe(100);
  await paused.return?.();
});

test("a handler that does not read holds the writer within 4 MiB", async () => {
  let sent = 0;
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  await using server = await openTestServer({
    async clientStream(requests) {
      await go;
      let count = 0;
      for await (const _ of requests) count++;
      return bytes(1, count % 256);
    },
  });
  const source = async function* () {
    for (; sent < 400; sent++) yield bytes(messageBytes);
  };
  const answer = server.client.clientStream(source());
  expect(await settled(() => sent)).toBeLessThan((4 << 20) / messageBytes);
  letGo();
  expect((await answer).value[0]).toBe(400 % 256);
});

test("a call reads ahead by bytes: of large messages one, whatever waits; and what waited is forgotten when it ends", async () => {
  let produced = 0;
  await using server = await openTestServer({
    async *serverStream() {
      for (; produced < 100; produced++) yield bytes(3 * 1024 * 1024, produced);
    },
  });
  using transport = createGrpcTransport({
    baseUrl: `http://127.0.0.1:${server.server.port}`,
    windowBytes: 64 * 1024,
  });
  const stop = new AbortController();
  const client = createClient(testService, transport);
  const stream = client.serverStream(bytes(1), { signal: stop.signal })[Symbol.asyncIterator]();
  await stream.next();
  expect(await settled(() => transport.bufferedBytes)).toBeLessThan(4 * 1024 * 1024);
  await stream.next();
  expect(await settled(() => transport.bufferedBytes)).toBeGreaterThan(0);
  stop.abort();
  await stream.next().catch(() => {});
  await eventually("nothing is held", () => transport.bufferedBytes === 0);
});
