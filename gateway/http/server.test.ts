// One port, two protocols: distinguished however the first bytes arrive, and closed in time.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { frame, getRoot, preface, repeat, reset } from "../../test/testing/http2-frames.ts";
import { type HttpServer, openHttpServer } from "./server.ts";

let server: HttpServer;
let handle: (request: IncomingMessage, response: ServerResponse) => void;
let closed: Promise<void> | undefined;
const close = (drainMs: number) => {
  closed ??= server.close({ drainMs });
  return closed;
};

beforeEach(async () => {
  handle = (request, response) => response.end(`${request.httpVersion} ${request.url}`);
  closed = undefined;
  server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    handle: (q, s) => handle(q, s),
    prefaceMs: 60_000,
  });
});
afterEach(() => close(0));

const http2 = async (path: string) => {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  const answer = await text(session.request({ ":path": path }));
  session.close();
  return answer;
};

/** A connection that sends each piece in a packet of its own. */
async function sendPieces(pieces: Buffer[]): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  socket.setNoDelay();
  await once(socket, "connect");
  for (const piece of pieces) {
    await new Promise((sent) => socket.write(piece, sent));
    // A round trip by another connection: what was written before it has arrived.
    await fetch(`http://127.0.0.1:${server.port}/`);
  }
  return socket;
}

const bytesOf = (content: Buffer) => Array.from(content, (byte) => Buffer.from([byte]));
const firstData = async (socket: Socket) => (await once(socket, "data"))[0] as Buffer;

test("HTTP/1.1 and HTTP/2 on one port", async () => {
  expect(await (await fetch(`http://127.0.0.1:${server.port}/a`)).text()).toBe("1.1 /a");
  expect(await http2("/b")).toBe("2.0 /b");
});

test("the HTTP/2 preface may come byte by byte", async () => {
  const slow = await sendPieces(bytesOf(preface));
  // The server's first frame is SETTINGS (type 4) on stream 0.
  expect((slow.read() as Buffer | null)?.[3] ?? (await firstData(slow))[3]).toBe(4);
  slow.destroy();
});

test("so may an HTTP/1.1 request, also one that begins like the preface", async () => {
  for (const request of [
    "GET /c HTTP/1.1\r\nHost: x\r\n\r\n",
    "PROPFIND /d HTTP/1.1\r\nHost: x\r\n\r\n",
  ]) {
    const slow = await sendPieces(bytesOf(Buffer.from(request)));
    const answer = String((slow.read() as Buffer | null) ?? (await firstData(slow)));
    expect(answer).toContain("HTTP/1.1 200 OK");
    slow.destroy();
  }
});

test("a connection that never shows its protocol is closed, and so is one that leaves half-way", async () => {
  const hasty = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    handle: () => {},
    prefaceMs: 50,
  });
  const silent = connect(hasty.port, "127.0.0.1");
  silent.write("PRI * HT");
  await once(silent, "close");
  await hasty.close({ drainMs: 0 });
  const leaving = connect(server.port, "127.0.0.1");
  leaving.end("PRI * HT");
  await once(leaving, "close");
});

test("a request that its client resets in the same packet is not started, the next one is", async () => {
  const begun: (string | undefined)[] = [];
  handle = (request, response) => {
    begun.push(request.url);
    response.end();
  };
  const resets = repeat(200, (i) => Buffer.concat([frame(1, 5, 2 * i + 1, getRoot), reset(i)]));
  // /index.html, of HPACK's static table.
  const last = Buffer.from(getRoot).fill(0x85, 2, 3);
  const socket = connect(server.port, "127.0.0.1").resume();
  socket.write(Buffer.concat([preface, resets, frame(1, 5, 401, last)]));
  await vi.waitFor(() => expect(begun).toContain("/index.html"));
  expect(begun).toEqual(["/index.html"]);
  socket.destroy();
});

test("closing ends idle connections of both protocols at once and lets a request finish", async () => {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  await once(session, "remoteSettings");
  const idle = connect(server.port, "127.0.0.1");
  idle.write("GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
  await firstData(idle);

  const arrived = Promise.withResolvers<ServerResponse>();
  handle = (_request, response) => arrived.resolve(response);
  const answer = fetch(`http://127.0.0.1:${server.port}/late`).then((response) => response.text());
  const response = await arrived.promise;
  const ended = Promise.all([once(idle, "close"), once(session, "close")]);
  idle.resume();
  const closing = close(60_000);
  await ended;
  response.end("done");
  expect(await answer).toBe("done");
  await closing;
});

test("closing cuts what does not end in time", async () => {
  const arrived = Promise.withResolvers<void>();
  handle = () => arrived.resolve();
  const answer = fetch(`http://127.0.0.1:${server.port}/never`).catch(() => "cut");
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  session.on("error", () => {});
  session.request({ ":path": "/never" }).on("error", () => {});
  await arrived.promise;
  await close(50);
  expect(await answer).toBe("cut");
});

test("a connection of HTTP/2 whose body comes in frames of a byte is ended, and others are served", async () => {
  const socket = connect(server.port, "127.0.0.1");
  const said: Buffer[] = [];
  socket.on("error", () => {}).on("data", (data: Buffer) => said.push(data));
  handle = (request, response) => request.resume().on("end", () => response.end());
  const body = repeat(3_000, () => frame(0, 0, 1, Buffer.alloc(1)));
  socket.write(Buffer.concat([preface, frame(1, 4, 1, getRoot), body]));
  await once(socket, "close");
  expect(Buffer.concat(said).includes(frame(7, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 11])))).toBe(
    true,
  );
  expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(200);
});

test("all streams of a connection of HTTP/2 may be 1 MiB ahead together", async () => {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  await eventually("the connection is wide", () => session.state.remoteWindowSize === 1024 * 1024);
  session.destroy();
});

test("a connection of HTTP/2 may open a hundred streams, and up to 256 as they begin", async () => {
  const held: ServerResponse[] = [];
  handle = (_, response) => void held.push(response);
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  await once(session, "remoteSettings");
  expect(session.remoteSettings.maxConcurrentStreams).toBe(100);
  const answers = Array.from({ length: 300 }, () => text(session.request({ ":path": "/" })));
  await eventually("256 are open", () => held.length === 256);
  expect(session.remoteSettings.maxConcurrentStreams).toBe(256);
  handle = (_, response) => response.end();
  for (const response of held) response.end();
  await Promise.all(answers);
  session.close();
});

test("of thousands of requests sent ahead a few are taken apart, before their connection ends", async () => {
  let apart = 0;
  const count = () => void apart++;
  // Node reports this for each request whose head it has read.
  subscribe("http.server.request.start", count);
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2_000));
  await once(socket, "close");
  unsubscribe("http.server.request.start", count);
  expect(apart).toBeGreaterThan(32);
  expect(apart).toBeLessThan(300);
});

test("a request whose first packet is large arrives as it was sent", async () => {
  const body = Buffer.from(Array.from({ length: 60_000 }, (_, i) => i & 0xff));
  const came = Promise.withResolvers<Buffer>();
  handle = (request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      came.resolve(Buffer.concat(pieces));
      response.end();
    });
  };
  const socket = connect(server.port, "127.0.0.1");
  socket.write(
    Buffer.concat([
      Buffer.from("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n"),
      body,
    ]),
  );
  expect((await came.promise).equals(body)).toBe(true);
  socket.destroy();
});
