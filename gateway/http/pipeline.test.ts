// Requests sent ahead on one connection of HTTP/1.1, against a real front server: they are answered
// in turn, and do not delay other connections.
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { type HttpServer, openHttpServer } from "./server.ts";

let server: HttpServer;
let handle: (request: IncomingMessage, response: ServerResponse) => void;
let begun: string[];
let held: ServerResponse[];

beforeEach(async () => {
  [begun, held] = [[], []];
  handle = (request, response) => {
    begun.push(request.url!);
    held.push(response);
  };
  server = await openHttpServer({
    host: "127.0.0.1",
    port: 0,
    handle: (q, s) => (q.url === "/beside" ? void s.end() : handle(q, s)),
  });
});
afterEach(() => server.close({ drainMs: 0 }));

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nhost: x\r\n${more}\r\n`;
const paths = (count: number) => Array.from({ length: count }, (_, i) => `/${i}`);
const last = "connection: close\r\n";

function send(bytes: string): Socket {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(bytes);
  return socket;
}

/** Waits until everything sent before has been read: another connection is answered. */
async function roundTrip(): Promise<void> {
  await fetch(`http://127.0.0.1:${server.port}/beside`, { headers: { connection: "close" } });
}

test("each starts when the one before is answered, whatever it answers with, in order", async () => {
  const socket = send(get("/a") + get("/b") + get("/c", last));
  const answers = text(socket);
  for (const path of ["/a", "/b", "/c"]) {
    await eventually(`${path} has begun`, () => begun.at(-1) === path);
    await roundTrip();
    expect(begun.at(-1)).toBe(path);
    held.at(-1)!.writeHead(path === "/b" ? 404 : 200);
    held.at(-1)!.end(`said to ${path}`);
  }
  expect((await answers).match(/HTTP\/1.1 \d+|said to .\w/g)).toEqual([
    "HTTP/1.1 200",
    "said to /a",
    "HTTP/1.1 404",
    "said to /b",
    "HTTP/1.1 200",
    "said to /c",
  ]);
});

test("bodies stay with their requests, also those that nobody read", async () => {
  handle = async (request, response) => {
    const body = request.url === "/unread" ? "nothing" : await text(request);
    response.end(`${request.url}: ${body}. `);
  };
  const post = (path: string, body: string, more = "") =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`;
  const large = "b".repeat(300_000);
  const said = await text(
    send(post("/a", "first") + post("/unread", large) + get("/g") + post("/d", large, last)),
  );
  expect(said.match(/\/\w+: \w*/g)).toEqual([
    "/a: first",
    "/unread: nothing",
    "/g: ",
    `/d: ${large}`,
  ]);
});

test("none starts once its client is gone", async () => {
  const socket = send(
    paths(10)
      .map((path) => get(path))
      .join(""),
  );
  await eventually("the first has begun", () => begun.length === 1);
  const gone = once(held[0]!, "close");
  socket.destroy();
  await gone;
  await roundTrip();
  expect(begun).toEqual(["/0"]);
});

test("a request whose client leaves right behind it does not start", async () => {
  const leaving = Array.from({ length: 10 }, () =>
    connect(server.port, "127.0.0.1").on("error", () => {}),
  );
  await Promise.all(leaving.map((socket) => once(socket, "connect")));
  const closed = leaving.map((socket) => once(socket, "close"));
  for (const socket of leaving) socket.write(get("/a"), () => socket.destroy());
  await Promise.all(closed);
  await roundTrip();
  await roundTrip();
  expect(begun).toEqual([]);
});

test("32 may wait, one more ends the connection, and others are served", async () => {
  handle = (request, response) => {
    begun.push(request.url!);
    setImmediate(() => response.end());
  };
  const answers = await text(
    send(
      paths(33)
        .map((path, i) => get(path, i === 32 ? last : ""))
        .join(""),
    ),
  );
  expect(answers.match(/HTTP\/1.1 200/g)).toHaveLength(33);
  begun = [];
  const many = send(
    paths(2_000)
      .map((path) => get(path))
      .join(""),
  ).resume();
  await once(many, "close");
  await roundTrip();
  expect(begun.length).toBeLessThanOrEqual(1);
});

test("closing lets those that wait be answered, then ends the connection", async () => {
  const answers = text(send(get("/a") + get("/b")));
  await eventually("the first has begun", () => begun.length === 1);
  await roundTrip();
  const closing = server.close({ drainMs: 60_000 });
  held[0]!.end();
  await eventually("the second has begun", () => begun.length === 2);
  held[1]!.end();
  expect((await answers).match(/HTTP\/1.1 200/g)).toHaveLength(2);
  await closing;
});
