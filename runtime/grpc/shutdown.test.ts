// A server stops in order: endless streams end with the reason given, calls in flight finish, and
// what does not end is cut.
import { Code } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { bytes, collect, openTestServer } from "../testing/service.ts";

test("streams end with the reason, whatever they wait for, and a call in flight is answered", async () => {
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: inFlight, resolve: begun } = Promise.withResolvers<void>();
  let aborted = false;
  const server = await openTestServer({
    async unary(_, { signal: abort }) {
      begun();
      await go;
      aborted = abort.aborted;
      return bytes(1, 42);
    },
    async *serverStream(_, { signal: abort }) {
      yield bytes(1);
      await new Promise((resolve) => abort.addEventListener("abort", resolve));
      abort.throwIfAborted();
    },
    async *bidi(requests) {
      for await (const { value } of requests) yield bytes(value.length);
    },
  });
  const { client } = server;
  const unary = client.unary(bytes(1));
  const feed = client.serverStream(bytes(1))[Symbol.asyncIterator]();
  const dialogue = client
    .bidi(
      (async function* () {
        yield bytes(1);
        await new Promise(() => {});
      })(),
    )
    [Symbol.asyncIterator]();
  await Promise.all([inFlight, feed.next(), dialogue.next()]);
  const reason = { code: Code.Unavailable, rawMessage: "the server is stopping" };
  const ends = Promise.all([
    expect(feed.next()).rejects.toMatchObject(reason),
    expect(dialogue.next()).rejects.toMatchObject(reason),
  ]);
  const disposed = server.server[Symbol.asyncDispose]();
  await ends;
  letGo();
  expect((await unary).value[0]).toBe(42);
  expect(aborted).toBe(false);
  await disposed;
  await expect(client.unary(bytes(1))).rejects.toMatchObject({ code: Code.Unavailable });
  server.transport[Symbol.dispose]();
});

test("a paused reader does not hold up the end", async () => {
  const server = await openTestServer({
    async *serverStream(_, { signal: abort }) {
      for (;;) {
        abort.throwIfAborted();
        yield bytes(64 * 1024);
      }
    },
  });
  const stream = server.client.serverStream(bytes(1))[Symbol.asyncIterator]();
  await stream.next();
  const startedMs = performance.now();
  await server[Symbol.asyncDispose]();
  expect(performance.now() - startedMs).toBeLessThan(4_000);
});

test("a call that does not end is cut when the time is over", async () => {
  const { promise: cut, resolve } = Promise.withResolvers<unknown>();
  const server = await openTestServer(
    {
      unary: (_, { signal: abort }) =>
        new Promise(() => {
          abort.addEventListener("abort", () => resolve(abort.reason));
        }),
      async *serverStream() {
        yield bytes(1);
      },
    },
    { drainMs: 50 },
  );
  const refused = expect(server.client.unary(bytes(1))).rejects.toThrow();
  await collect(server.client.serverStream(bytes(1)));
  await server[Symbol.asyncDispose]();
  await refused;
  expect(await cut).toMatchObject({ code: Code.Canceled });
});
