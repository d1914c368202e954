// Bodies of HTTP/1.1 in very small pieces, sent to a real front server.
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { type HttpServer, openHttpServer } from "./server.ts";

let server: HttpServer;
let handle: (request: IncomingMessage, response: ServerResponse) => void;

beforeEach(async () => {
  handle = (request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("error", () => {}).on("end", () => response.end(`${bytes} bytes`));
  };
  server = await openHttpServer({ host: "127.0.0.1", port: 0, handle: (q, s) => handle(q, s) });
});
afterEach(() => server.close({ drainMs: 0 }));

const head = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n";
const chunks = (count: number, bytes: number) =>
  `${bytes.toString(16)}\r\n${" ".repeat(bytes)}\r\n`.repeat(count);
const last = "0\r\n\r\n";

function send(content: string): Socket {
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(content);
  return socket;
}

test("a body in chunks of a byte is refused, and its connection is closed", async () => {
  const answer = await text(send(`${head}\r\n${chunks(3_000, 1)}`));
  expect(answer).toMatch(/^HTTP\/1.1 400 Bad Request/);
  expect(answer).toContain("too many pieces of less than 16 bytes: send more at once");
});

test("a thousand chunks of a byte, and any number of larger ones with a few small ones beside them, are taken", async () => {
  const lines = (chunks(1, 1) + chunks(1, 80) + chunks(1, 2)).repeat(20_000);
  const answer = await text(
    send(`${head}connection: close\r\n\r\n${chunks(999, 1)}${lines}${last}`),
  );
  expect(answer).toContain(`${999 + 20_000 * 83} bytes`);
});

test("a body that nobody reads does not end its connection, and does not hold up the next request", async () => {
  handle = (_, response) => response.end("unread");
  const twice = `${head}\r\n${chunks(5_000, 80)}${last}${head}connection: close\r\n\r\n${chunks(5_000, 80)}${last}`;
  const answer = await text(send(twice));
  expect(answer.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2);
});

test("chunks of a byte that come after the answer end the connection too", async () => {
  const answered = Promise.withResolvers<void>();
  handle = (_, response) => response.end("unread", () => answered.resolve());
  const socket = send(`${head}\r\n`);
  const answer = text(socket);
  await answered.promise;
  socket.write(chunks(3_000, 1));
  expect((await answer).match(/HTTP\/1.1 \d+/g)).toEqual(["HTTP/1.1 200"]);
});

test("chunks of a byte of a request that waits for the one before it end the connection without an answer", async () => {
  const begun = Promise.withResolvers<void>();
  handle = () => begun.resolve();
  const socket = send("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const answer = text(socket).catch(() => "");
  await begun.promise;
  socket.write(`${head}\r\n${chunks(3_000, 1)}`);
  expect(await answer).toBe("");
});

test("others are answered while such bodies come", async () => {
  const flood = send(`${head}\r\n${chunks(900, 1)}`);
  await once(flood, "connect");
  const socket = send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  expect(await text(socket)).toContain("0 bytes");
  flood.destroy();
  await eventually("nobody is connected", () => server.connections.open === 0);
});

// Node copies each of them (24.21).
test("what is in a small chunk does not keep what was read with it", async () => {
  handle = (request, response) => {
    let keptBytes = 0;
    request.on("data", (chunk: Buffer) => {
      keptBytes += chunk.buffer.byteLength;
    });
    request.on("end", () => response.end(`keeps ${keptBytes}`));
  };
  const extended = `10;x=${"y".repeat(6_000)}\r\n${" ".repeat(16)}\r\n`.repeat(2);
  const answer = await text(send(`${head}connection: close\r\n\r\n${extended}${last}`));
  expect(answer).toContain("keeps 32");
});
