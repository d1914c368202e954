// A client is back soon after its server is: the connection under it must not wait much longer than
// its callers do.
import { once } from "node:events";
import { createServer } from "node:net";
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { createGrpcTransport } from "./transport.ts";

test("while its server is away, it is tried about twice a second, however long that lasts", {
  timeout: 30_000,
}, async () => {
  const dials: number[] = [];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  await using server = createServer((socket) => {
    if (dials.push(performance.now()) === 12) resolve();
    socket.on("error", () => {}).destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  using transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });
  const client = createClient(Health, transport);
  let over = false;
  const asking = (async () => {
    while (!over) {
      await client.check({}).catch(() => {});
      await new Promise((next) => setTimeout(next, 50));
    }
  })();
  await enough;
  over = true;
  await asking;
  // 12 attempts: 100 to 500 ms apart they take 4.4 s; up to 2 s apart, as they once were, at least
  // 9.8 s.
  expect(dials[11]! - dials[0]!).toBeLessThan(8_000);
});
