// A server that is disposed of is gone: calls that do not end by themselves are cut.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Health, HealthCheckResponse_ServingStatus } from "#gen/grpc/health/v1/health_pb.ts";
import { openGrpcServer } from "./server.ts";
import { createGrpcTransport } from "./transport.ts";

// Keepalive would find out after 10 s; the time limit is what this test tests.
test("disposal cuts a stream whose handler does not end", { timeout: 5000 }, async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const server = await openGrpcServer(
    {
      host: "127.0.0.1",
      port: 0,
      maxMessageBytes: 1 << 20,
      drainMs: 0,
      shutdownReason: () => new ConnectError("stopping", Code.Unavailable),
      toError: (error) => ConnectError.from(error),
    },
    (mount) =>
      mount(Health, {
        check: () => ({}),
        list: () => ({}),
        async *watch() {
          yield { status: HealthCheckResponse_ServingStatus.SERVING };
          // Deaf to the shutdown signal.
          await released;
        },
      }),
  );
  using transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` });
  const stream = createClient(Health, transport).watch({})[Symbol.asyncIterator]();
  expect((await stream.next()).done).toBe(false);
  const end = stream.next();
  const refused = expect(end).rejects.toMatchObject({ code: Code.Canceled });
  await server[Symbol.asyncDispose]();
  await refused;
  release();
});
