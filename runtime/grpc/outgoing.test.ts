// A client that does not read costs a bounded number of bytes, for a bounded time, and is told why
// it was ended.
import { constants } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { eventually, settled } from "../../test/testing/eventually.ts";
import { bytes, openTestServer } from "../testing/service.ts";
import { openUnreadClient, trailersOf } from "../testing/unread.ts";

const stalled = () => new ConnectError("you do not read", Code.ResourceExhausted);

test("messages that are not read are counted in bytes, not in messages", async () => {
  let produced = 0;
  await using server = await openTestServer(
    {
      async *serverStream() {
        for (; produced < 100; produced++) yield bytes(1024 * 1024);
      },
    },
    { outgoing: { maxStreamBytes: 1024 * 1024 } },
  );
  using client = openUnreadClient(server.server.port);
  client.call("/test.TestService/ServerStream");
  await eventually("a message is unread", () => server.server.unreadBytes > 0);
  expect(await settled(() => produced)).toBeLessThanOrEqual(2);
  expect(server.server.unreadBytes).toBeLessThan(3 * 1024 * 1024);
});

test("small messages that are not read are bounded in number", async () => {
  let produced = 0;
  await using server = await openTestServer({
    async *serverStream() {
      for (; produced < 10_000; produced++) yield bytes(4 * 1024);
    },
  });
  using client = openUnreadClient(server.server.port);
  client.call("/test.TestService/ServerStream");
  await eventually("a message is unread", () => server.server.unreadBytes > 0);
  await settled(() => produced);
  // What lies in the windows of HTTP/2 and the sockets was taken, as far as grpc-js tells.
  expect(server.server.unreadBytes).toBeLessThanOrEqual(16 * 4.1 * 1024);
});

test("a stream whose client does not read is ended, its handler told why, and its bytes given up", async () => {
  let reason: unknown;
  let stalls = 0;
  await using server = await openTestServer(
    {
      async *serverStream(_request, { signal: abort }) {
        try {
          for (;;) yield bytes(256 * 1024);
        } finally {
          reason = abort.reason;
        }
      },
    },
    { outgoing: { stallMs: 80, graceMs: 10, stalled, onStalled: () => stalls++ } },
  );
  using client = openUnreadClient(server.server.port);
  const stream = client.call("/test.TestService/ServerStream");
  await eventually(
    "the stream is reset",
    () => stream.rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM,
  );
  expect(String(reason)).toContain("you do not read");
  await eventually("nothing is unread", () => server.server.unreadBytes === 0);
  expect(stalls).toBe(1);
});

test("whoever reads on before the stream is reset learns the reason", async () => {
  let ended = false;
  await using server = await openTestServer(
    {
      async *serverStream() {
        try {
          for (;;) yield bytes(256 * 1024);
        } finally {
          ended = true;
        }
      },
    },
    { outgoing: { stallMs: 80, graceMs: 600_000, stalled } },
  );
  using client = openUnreadClient(server.server.port);
  const stream = client.call("/test.TestService/ServerStream");
  await eventually("the handler ended", () => ended);
  expect(await trailersOf(stream)).toMatchObject({
    "grpc-status": "8",
    "grpc-message": "you%20do%20not%20read",
  });
});

test("so are the end of a stream and a single answer that nobody takes", async () => {
  await using server = await openTestServer(
    {
      async unary() {
        return bytes(1024 * 1024 - 64);
      },
      async *serverStream() {
        yield bytes(512 * 1024);
      },
    },
    { outgoing: { stallMs: 80, graceMs: 10, stalled } },
  );
  using client = openUnreadClient(server.server.port);
  const streams = ["Unary", "ServerStream"].map((method) =>
    client.call(`/test.TestService/${method}`),
  );
  for (const stream of streams)
    await eventually(
      "the stream is reset",
      () => stream.rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM,
    );
  await eventually("nothing is unread", () => server.server.unreadBytes === 0);
});

test("a stream that is read, however slowly, and one that has nothing to say go on", async () => {
  let stalls = 0;
  await using server = await openTestServer(
    {
      async *serverStream(_request, { signal: abort }) {
        for (let i = 0; i < 20; i++) yield bytes(64 * 1024, i);
        await new Promise((resolve) => abort.addEventListener("abort", resolve));
      },
    },
    { outgoing: { stallMs: 200, graceMs: 10, stalled, onStalled: () => stalls++ } },
  );
  const stop = new AbortController();
  const stream = server.client
    .serverStream(bytes(1), { signal: stop.signal })
    [Symbol.asyncIterator]();
  for (let i = 0; i < 20; i++) expect((await stream.next()).value!.value[0]).toBe(i);
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect([stalls, server.server.unreadBytes]).toEqual([0, 0]);
  stop.abort();
});

test("an account without room pauses streams that have something unread, and no other", async () => {
  let held = 0;
  let produced = 0;
  const account = {
    charge(amount: number) {
      held += amount;
    },
    release(amount: number) {
      held -= amount;
    },
    hasRoom: false,
    onRoom: () => () => {},
  };
  await using server = await openTestServer(
    {
      async *serverStream() {
        for (; produced < 50; produced++) yield bytes(100 * 1024);
      },
    },
    { accountOf: () => account },
  );
  using client = openUnreadClient(server.server.port);
  const unread = client.call("/test.TestService/ServerStream");
  await eventually("a message is unread", () => held > 0);
  expect(await settled(() => produced)).toBeLessThan(3);
  produced = 40;
  let read = 0;
  for await (const _ of server.client.serverStream(bytes(1))) read++;
  expect(read).toBe(10);
  unread.close();
  await eventually("all was given back", () => held === 0);
});
