// Streams spread over connections, and the streams and bytes that each may have in flight.
import { once } from "node:events";
import { createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { createUpstream } from "./upstream.ts";

test("a connection takes so many streams, the next takes more, and an empty one goes", () => {
  using upstream = createUpstream("http://127.0.0.1:1", { streamsPerConnection: 2 });
  const lent = [1, 2, 3, 4, 5].map(() => upstream.borrow());
  const [a, b, c, d, e] = lent;
  const connections = new Set(lent.map(({ transport }) => transport));
  expect(connections.size).toBe(3);
  expect(connections.has(upstream.transport as never)).toBe(false);
  expect([a!.transport === b!.transport, c!.transport === d!.transport]).toEqual([true, true]);
  a![Symbol.dispose]();
  expect(upstream.borrow().transport).toBe(b!.transport);
  e![Symbol.dispose]();
  expect(connections.has(upstream.borrow().transport)).toBe(false);
});

test("the last connection stays for the next stream", () => {
  using upstream = createUpstream("http://127.0.0.1:1");
  const first = upstream.borrow();
  first[Symbol.dispose]();
  expect(upstream.borrow().transport).toBe(first.transport);
});

test("answers of many calls share 1 MiB of a connection; one has as much, a stream 64 KiB", async () => {
  const server = createServer();
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => sessions.push(session));
  await once(server.listen(0, "127.0.0.1"), "listening");
  using upstream = createUpstream(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const ask = async (transport: typeof upstream.transport) => {
    const stop = new AbortController();
    const answer = createClient(Health, transport).check({}, { signal: stop.signal });
    await Promise.all([answer.catch(() => {}), once(server, "stream").then(() => stop.abort())]);
    const session = sessions.at(-1)!;
    await eventually(
      "the connection is wide",
      () => session.state.remoteWindowSize === 1024 * 1024,
    );
    return session.remoteSettings.initialWindowSize;
  };
  expect(await ask(upstream.transport)).toBe(1024 * 1024);
  const stream = upstream.borrow();
  expect(await ask(stream.transport)).toBe(64 * 1024);
  expect(sessions).toHaveLength(2);
  for (const session of sessions) session.destroy();
  server.close();
});
