// A call is decided about before its messages are read, and what was decided reaches its handler.
import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import { expect, test } from "vitest";
import { bytes, collect, openTestServer } from "../testing/service.ts";
import type { CallHead } from "./authorize.ts";

const callerKey = createContextKey("nobody");
const refusal = () => new ConnectError("not you", Code.Unauthenticated);

const letIn = async ({ header }: CallHead) => ({
  contextValues: createContextValues().set(callerKey, header("caller") ?? "someone"),
});

const tellCaller = (_: unknown, { values }: HandlerContext) => ({
  value: Buffer.from(values.get(callerKey)),
});

test("what was decided reaches handlers of every kind", async () => {
  const heads: CallHead[] = [];
  await using server = await openTestServer(
    {
      unary: tellCaller,
      async *serverStream(request, context) {
        yield tellCaller(request, context);
      },
    },
    {
      authorize: (head) => {
        heads.push(head);
        return letIn(head);
      },
    },
  );
  const headers = { caller: "me" };
  expect(Buffer.from((await server.client.unary(bytes(1), { headers })).value).toString()).toBe(
    "me",
  );
  const [streamed] = await collect(server.client.serverStream(bytes(1), { headers }));
  expect(Buffer.from(streamed!.value).toString()).toBe("me");
  expect(heads.map(({ path }) => path)).toEqual([
    "/test.TestService/Unary",
    "/test.TestService/ServerStream",
  ]);
  expect(heads[0]?.peer).toMatch(/^127\.0\.0\.1:\d+$/);
});

test("without a decider nothing is decided", async () => {
  await using server = await openTestServer({ unary: tellCaller });
  expect(Buffer.from((await server.client.unary(bytes(1))).value).toString()).toBe("nobody");
});

test("a refused call's message is not read, however large, and no handler runs", async () => {
  let ran = false;
  const run = async () => {
    ran = true;
    return bytes(1);
  };
  await using server = await openTestServer(
    { unary: run, clientStream: async () => run() },
    { authorize: async () => Promise.reject(refusal()), maxMessageBytes: 1_000 },
  );
  // Read, it would be RESOURCE_EXHAUSTED.
  await expect(server.client.unary(bytes(100_000))).rejects.toMatchObject({
    code: Code.Unauthenticated,
  });
  async function* many() {
    for (let i = 0; i < 50; i++) yield bytes(100_000);
  }
  await expect(server.client.clientStream(many())).rejects.toMatchObject({
    code: Code.Unauthenticated,
  });
  expect(ran).toBe(false);
});

test("a stream ends with the reason of the decision's signal, a single answer is finished", async () => {
  const permission = new AbortController();
  const waiting = Promise.withResolvers<void>();
  await using server = await openTestServer(
    {
      async unary() {
        await waiting.promise;
        return bytes(2);
      },
      async *serverStream(_, { signal: abort }) {
        yield bytes(1);
        await new Promise((resolve) => abort.addEventListener("abort", resolve));
        abort.throwIfAborted();
      },
    },
    { authorize: async (head) => ({ ...(await letIn(head)), abort: permission.signal }) },
  );
  const stream = server.client.serverStream(bytes(1))[Symbol.asyncIterator]();
  await stream.next();
  const single = server.client.unary(bytes(1));
  permission.abort(refusal());
  await expect(stream.next()).rejects.toMatchObject({
    code: Code.Unauthenticated,
    rawMessage: "not you",
  });
  waiting.resolve();
  expect((await single).value.length).toBe(2);
});
