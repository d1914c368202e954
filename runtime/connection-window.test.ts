// How much may be on its way on a connection, in both directions, over real ones.
import { once } from "node:events";
import { connect, createServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { eventually } from "../test/testing/eventually.ts";
import { widenClientConnections, widenConnection } from "./connection-window.ts";

test("a server that widens its connections lets a client send 1 MiB, on all streams together", async () => {
  const server = createServer((_, response) => response.end());
  server.on("session", widenConnection);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await eventually("the window is wide", () => session.state.remoteWindowSize === 1024 * 1024);
  expect(session.remoteSettings.initialWindowSize).toBe(65_535);
  session.destroy();
  server.close();
});

test("a client that widens its connections lets a server send 1 MiB, from its first stream on", async () => {
  widenClientConnections();
  const server = createServer((_, response) => response.end());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  for (let i = 0; i < 20; i++) client.request({ ":path": "/" }).resume();
  // Node warns of more than ten.
  expect(client.listenerCount("connect")).toBeLessThan(5);
  const [session] = (await once(server, "session")) as [ServerHttp2Session];
  await eventually("the window is wide", () => session.state.remoteWindowSize === 1024 * 1024);
  client.destroy();
  server.close();
});
