// Health answers for the server and each service it names, tells watchers of every change, and
// stays down once closed.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "#gen/grpc/health/v1/health_pb.ts";
import { createHealthService, HealthState } from "./health.ts";
import { openGrpcServer } from "./server.ts";
import { createGrpcTransport } from "./transport.ts";

async function openHealth() {
  await using stack = new AsyncDisposableStack();
  const state = new HealthState(["a.Service", "c.Service"]);
  const server = stack.use(
    await openGrpcServer(
      {
        host: "127.0.0.1",
        port: 0,
        maxMessageBytes: 1 << 20,
        drainMs: 1_000,
        shutdownReason: () => new ConnectError("stopping", Code.Unavailable),
        toError: (error) => ConnectError.from(error),
      },
      (mount) => mount(Health, createHealthService(state)),
    ),
  );
  const transport = stack.use(createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` }));
  const owned = stack.move();
  return {
    state,
    health: createClient(Health, transport),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

test("check and list follow the state", async () => {
  await using opened = await openHealth();
  const { state, health } = opened;
  expect((await health.check({})).status).toBe(Status.NOT_SERVING);
  state.set(true);
  expect((await health.check({ service: "a.Service" })).status).toBe(Status.SERVING);
  const { statuses } = await health.list({});
  expect(Object.entries(statuses).map(([name, { status }]) => [name, status])).toEqual([
    ["", Status.SERVING],
    ["a.Service", Status.SERVING],
    ["c.Service", Status.SERVING],
  ]);
  state.set(false, "c.Service");
  const statusOf = async (service: string) => (await health.check({ service })).status;
  expect(await statusOf("c.Service")).toBe(Status.NOT_SERVING);
  expect(await statusOf("a.Service")).toBe(Status.SERVING);
  expect(await statusOf("")).toBe(Status.SERVING);
  await expect(health.check({ service: "b.Service" })).rejects.toMatchObject({
    code: Code.NotFound,
  });
});

test("a watcher hears of changes, of nothing else, and of the end", async () => {
  const opened = await openHealth();
  const { state, health } = opened;
  const known = health.watch({ service: "a.Service" })[Symbol.asyncIterator]();
  const unknown = health.watch({ service: "b.Service" })[Symbol.asyncIterator]();
  expect((await known.next()).value).toMatchObject({ status: Status.NOT_SERVING });
  expect((await unknown.next()).value).toMatchObject({ status: Status.SERVICE_UNKNOWN });
  state.set(false);
  state.set(true, "c.Service");
  state.set(true);
  expect((await known.next()).value).toMatchObject({ status: Status.SERVING });
  state.set(false, "c.Service");
  state.close();
  state.set(true);
  expect((await known.next()).value).toMatchObject({ status: Status.NOT_SERVING });
  const end = expect(known.next()).rejects.toMatchObject({ code: Code.Unavailable });
  await opened[Symbol.asyncDispose]();
  await end;
});
