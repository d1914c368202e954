// A call that ends early ends for everybody: the handler's signal says why, its finally runs, and
// nothing waits on.
import { getEventListeners } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { create } from "@bufbuild/protobuf";
import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  bytes,
  collect,
  openTestServer,
  type TestServer,
  testService,
} from "../testing/service.ts";
import { createGrpcTransport } from "./transport.ts";

/** Handlers that wait for their signal, and what it told them. */
function waitingHandlers() {
  const ended = Promise.withResolvers<unknown>();
  const started = Promise.withResolvers<void>();
  const untilAborted = async ({ signal: abort }: HandlerContext) => {
    started.resolve();
    await new Promise((resolve) => abort.addEventListener("abort", resolve));
    ended.resolve(abort.reason);
    abort.throwIfAborted();
    return bytes(1);
  };
  return {
    started: started.promise,
    ended: ended.promise,
    impl: {
      unary: (_: unknown, context: HandlerContext) => untilAborted(context),
      async *serverStream(_: unknown, context: HandlerContext) {
        yield bytes(1);
        yield await untilAborted(context);
      },
    },
  };
}

test("a client that aborts", async () => {
  const { impl, started, ended } = waitingHandlers();
  await using server = await openTestServer(impl);
  const controller = new AbortController();
  const call = server.client.unary(bytes(1), { signal: controller.signal });
  await started;
  controller.abort();
  await expect(call).rejects.toMatchObject({ code: Code.Canceled });
  expect(await ended).toMatchObject({ code: Code.Canceled });
  expect(getEventListeners(controller.signal, "abort")).toEqual([]);
});

test("a client that aborts before it calls", async () => {
  await using server = await openTestServer({ unary: () => bytes(1) });
  const abort = AbortSignal.abort();
  await expect(server.client.unary(bytes(1), { signal: abort })).rejects.toMatchObject({
    code: Code.Canceled,
  });
  await expect(
    collect(server.client.serverStream(bytes(1), { signal: abort })),
  ).rejects.toMatchObject({
    code: Code.Canceled,
  });
});

test("a reader that leaves its loop", async () => {
  const { impl, started, ended } = waitingHandlers();
  await using server = await openTestServer(impl);
  for await (const _ of await readingDirectly(server)) {
    await started;
    break;
  }
  expect(await ended).toMatchObject({ code: Code.Canceled });
});

test("a generator that never looks at its signal is told by return", async () => {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  await using server = await openTestServer({
    async *serverStream() {
      try {
        for (;;) yield bytes(64 * 1024);
      } finally {
        resolve();
      }
    },
  });
  for await (const _ of await readingDirectly(server)) break;
  await over;
});

/**
 * Past the Connect client, which does not pass on that a reader has left: there, only a signal ends
 * a stream early.
 */
async function readingDirectly({ transport }: TestServer) {
  const requests = (async function* () {
    yield create(BytesValueSchema, bytes(1));
  })();
  const method = testService.method.serverStream;
  return (await transport.stream(method, undefined, undefined, undefined, requests)).message;
}

test("a handler that waits for requests, also if the call was over before it looked", async () => {
  const failures: unknown[] = [];
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  const { promise: both, resolve: bothFailed } = Promise.withResolvers<void>();
  let late = false;
  let reached = () => {};
  await using server = await openTestServer({
    async clientStream(requests) {
      reached();
      try {
        if (late) await go;
        await collect(requests);
      } catch (error) {
        if (failures.push(error) === 2) bothFailed();
        throw error;
      }
      return bytes(1);
    },
  });
  for (late of [false, true]) {
    const controller = new AbortController();
    reached = () => controller.abort();
    const endless = async function* () {
      yield bytes(1);
      await new Promise(() => {});
    };
    await expect(
      server.client.clientStream(endless(), { signal: controller.signal }),
    ).rejects.toThrow();
  }
  // By now the server knows.
  await expect(server.client.unary(bytes(1))).rejects.toMatchObject({ code: Code.Unimplemented });
  letGo();
  await both;
  expect(failures).toMatchObject([{ code: Code.Canceled }, { code: Code.Canceled }]);
});

test("a deadline passes for both", async () => {
  const { impl, ended } = waitingHandlers();
  await using server = await openTestServer(impl);
  await expect(server.client.unary(bytes(1), { timeoutMs: 50 })).rejects.toMatchObject({
    code: Code.DeadlineExceeded,
  });
  expect([Code.DeadlineExceeded, Code.Canceled]).toContain(((await ended) as ConnectError).code);
});

test("a deadline beyond all timers is none", async () => {
  await using server = await openTestServer({
    unary: (_, { timeoutMs }) => bytes(timeoutMs() === undefined ? 1 : 2),
  });
  const { value } = await server.client.unary(bytes(1), { timeoutMs: 60 * 86_400_000 });
  expect(value).toHaveLength(1);
});

test("a connection that is lost", async () => {
  const { impl, started, ended } = waitingHandlers();
  await using server = await openTestServer(impl);
  const sockets: Socket[] = [];
  const relay = createServer((inbound) => {
    const outbound = connect(server.server.port, "127.0.0.1");
    for (const socket of [inbound, outbound]) sockets.push(socket.on("error", () => {}));
    inbound.pipe(outbound).pipe(inbound);
  });
  await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const { port } = relay.address() as { port: number };
  using transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
  const call = collect(createClient(testService, transport).serverStream(bytes(1)));
  await started;
  for (const socket of sockets) socket.destroy();
  await expect(call).rejects.toMatchObject({ code: Code.Unavailable });
  expect(await ended).toBeInstanceOf(ConnectError);
  relay.close();
});

test("a server that is not there", async () => {
  using transport = createGrpcTransport({ baseUrl: "http://127.0.0.1:1" });
  await expect(createClient(testService, transport).unary(bytes(1))).rejects.toMatchObject({
    code: Code.Unavailable,
  });
});

test("10,000 calls leave no listener behind", { timeout: 60_000 }, async () => {
  await using server = await openTestServer({
    unary: () => bytes(1),
    async *bidi(requests) {
      for await (const { value } of requests) yield bytes(value.length);
    },
  });
  const { signal: abort } = new AbortController();
  const one = async function* () {
    yield bytes(1);
  };
  for (let i = 0; i < 100; i++) {
    await Promise.all([
      ...Array.from({ length: 90 }, () =>
        server.client.unary(bytes(1), { signal: abort, timeoutMs: 60_000 }),
      ),
      ...Array.from({ length: 10 }, () => collect(server.client.bidi(one(), { signal: abort }))),
    ]);
  }
  expect(getEventListeners(abort, "abort")).toEqual([]);
  expect(getEventListeners(server.server.shutdownSignal, "abort")).toEqual([]);
});
