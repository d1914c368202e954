// Connections that are too many, too slow or too demanding, against a real front server: the answer
// to each, and that others are served.
import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { frame, getRoot, preface, repeat, reset } from "../../test/testing/http2-frames.ts";
import { type ConnectionLimits, defaultConnectionLimits } from "./connections.ts";
import { type HttpServer, openHttpServer } from "./server.ts";

const servers: HttpServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ drainMs: 0 });
});

async function open(limits: Partial<ConnectionLimits> = {}) {
  const server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    clientOf: ({ remoteAddress }) => remoteAddress,
    handle: (request, response) => response.end(request.url),
    limits: { ...defaultConnectionLimits, ...limits },
  });
  servers.push(server);
  return server;
}

/** The bytes from a server on a connection until it ends it. */
async function say(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(bytes);
  return text(socket).catch(() => "");
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

async function openSocket(port: number, localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

const isServed = async ({ port }: HttpServer) =>
  (await fetch(`http://127.0.0.1:${port}/ok`, { headers: { connection: "close" } })).ok;

test("connections beyond an address's number, and beyond all, are closed; others stay", async () => {
  const server = await open({ maxConnections: 3, addressConnections: 2 });
  const own = [
    await openSocket(server.port, "127.0.0.2"),
    await openSocket(server.port, "127.0.0.2"),
  ];
  await eventually("both are counted", () => server.connections.open === 2);
  await once((await openSocket(server.port, "127.0.0.2")).resume(), "close");
  const other = await openSocket(server.port, "127.0.0.3");
  await eventually("it is counted", () => server.connections.open === 3);
  await once((await openSocket(server.port, "127.0.0.4")).resume(), "close");
  expect(server.connections.refused).toBe(2);
  for (const socket of [...own, other]) socket.destroy();
  await eventually("none is counted", () => server.connections.open === 0);
  expect(await isServed(server)).toBe(true);
});

test("headers that do not come in time are 408, as a problem", async () => {
  const server = await open({ headerTimeoutMs: 100 });
  const answer = await say(server.port, "GET / HTTP/1.1\r\nhost: x\r\nx-slow: ");
  expect(statusOf(answer)).toBe(408);
  expect(answer).toContain("content-type: application/problem+json");
  expect(answer).toContain('"status":408');
});

test("headers that are too large or too many are 431, and what is no HTTP is 400", async () => {
  const server = await open();
  const head = "GET / HTTP/1.1\r\nhost: x\r\n";
  const many = Array.from({ length: 200 }, (_, i) => `x-${i}: 1\r\n`).join("");
  expect(statusOf(await say(server.port, `${head}x-large: ${"a".repeat(20_000)}\r\n\r\n`))).toBe(
    431,
  );
  expect(statusOf(await say(server.port, `${head}${many}\r\n`))).toBe(431);
  expect(statusOf(await say(server.port, "G\0T / HTTP/1.1\r\n\r\n"))).toBe(400);
  expect(await isServed(server)).toBe(true);
});

test("a connection of HTTP/1.1 or HTTP/2 without a request is closed after a while", async () => {
  const server = await open({ idleTimeoutMs: 200 });
  const kept = await openSocket(server.port);
  kept.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(kept.resume(), "close");
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  await once(session, "close");
  expect(session.destroyed).toBe(true);
});

/** The error codes of the GOAWAY frames among a server's bytes. */
function goaways(said: Buffer): number[] {
  const codes: number[] = [];
  for (let at = 0; at + 9 <= said.length; ) {
    const length = said.readUIntBE(at, 3);
    if (said[at + 3] === 7 && at + 17 <= said.length) codes.push(said.readUInt32BE(at + 13));
    at += 9 + length;
  }
  return codes;
}

async function flood(port: number, bytes: Buffer): Promise<number[]> {
  const socket = await openSocket(port);
  const said: Buffer[] = [];
  socket.on("data", (data: Buffer) => said.push(data));
  socket.write(Buffer.concat([preface, bytes]));
  await once(socket, "close");
  return goaways(Buffer.concat(said));
}

test.each<[name: string, bytes: Buffer]>([
  ["pings", repeat(5_000, () => frame(6, 0, 0, Buffer.alloc(8)))],
  ["settings", repeat(5_000, () => frame(4, 0, 0, Buffer.alloc(0)))],
  [
    "streams opened and reset at once",
    repeat(2_000, (i) => Buffer.concat([frame(1, 5, 2 * i + 1, getRoot), reset(i)])),
  ],
  [
    "headers that never end",
    Buffer.concat([frame(1, 1, 1, getRoot), repeat(64, () => frame(9, 0, 1, Buffer.alloc(1_024)))]),
  ],
])("a flood of %s ends its connection with a GOAWAY and no other", async (_, bytes) => {
  const server = await open();
  const [code] = await flood(server.port, bytes);
  expect(code).toBeGreaterThan(0);
  expect(await isServed(server)).toBe(true);
});

test("a stream of HTTP/2 with headers too large or too many is refused, its session goes on", async () => {
  const server = await open();
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  const large = session.request({ ":path": "/", "x-large": "a".repeat(20_000) });
  large.on("error", () => {});
  // Node resets it once the client has acknowledged our settings, and answers it before.
  const outcome = await once(large, "response").then(
    ([head]) => head[":status"],
    () => 431,
  );
  expect(outcome).toBe(431);
  const many = session.request(
    Object.fromEntries([[":path", "/"], ...Array.from({ length: 200 }, (_, i) => [`x-${i}`, "1"])]),
  );
  many.on("error", () => {});
  await new Promise((resolve) => many.once("close", resolve));
  expect(many.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  expect(await text(session.request({ ":path": "/after" }))).toBe("/after");
  session.close();
});
