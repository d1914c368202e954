// The hostile clients of flood.ts, run as a process of their own: node proof/flooding.ts --port
// PORT
// --scale 1. Ends with SIGTERM; prints counts.
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { frame, getRoot, preface, repeat, reset } from "../test/testing/http2-frames.ts";

const { values } = parseArgs({
  options: { port: { type: "string" }, scale: { type: "string", default: "1" } },
});
const port = Number(values.port);
const scale = Number(values.scale);
const counts: Record<string, number> = {};
const count = (what: string) => {
  counts[what] = (counts[what] ?? 0) + 1;
};
let open = 0;
let nextAddress = 0;

/** From each of twenty addresses of this machine in turn. */
function dial(): Socket {
  const socket = connect({
    port,
    host: "127.0.0.1",
    localAddress: `127.0.1.${1 + (nextAddress++ % 20)}`,
  });
  socket.on("error", () => {});
  socket.once("connect", () => open++);
  socket.once("close", () => open--);
  return socket;
}

const closed = (socket: Socket) =>
  new Promise<void>((resolve) => socket.once("close", () => resolve()));

/** Holds a connection, sending `then` once a second; reconnects when it is closed. */
async function hold(name: string, first: string, then: string): Promise<never> {
  for (;;) {
    const socket = dial().resume();
    if (first) socket.write(first);
    const timer = then ? setInterval(() => socket.write(then), 1_000) : undefined;
    await closed(socket);
    clearInterval(timer);
    count(`${name} closed`);
    await sleep(200 + Math.random() * 800);
  }
}

const floods: Record<string, Buffer> = {
  "rapid reset": repeat(2_000, (i) => Buffer.concat([frame(1, 5, 2 * i + 1, getRoot), reset(i)])),
  continuation: Buffer.concat([
    frame(1, 1, 1, getRoot),
    repeat(256, () => frame(9, 0, 1, Buffer.alloc(16_384))),
  ]),
  ping: repeat(20_000, () => frame(6, 0, 0, Buffer.alloc(8))),
  settings: repeat(20_000, () => frame(4, 0, 0, Buffer.alloc(0))),
};

async function flood(name: string, bytes: Buffer, stayMs = 10_000): Promise<never> {
  for (;;) {
    const socket = dial().resume();
    socket.write(bytes);
    await Promise.race([closed(socket), sleep(stayMs)]);
    socket.destroy();
    count(name);
    await sleep(500);
  }
}

const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));

function post(path: string, headers: string): Buffer {
  const text = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${bomb.length}\r\n${headers}connection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(text), bomb]);
}

const whole =
  'POST /signals HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{"signals":[';
for (let i = 0; i < 2_000 * scale; i++) void hold("idle", "", "");
for (let i = 0; i < 1_500 * scale; i++)
  void hold("slow headers", "GET / HTTP/1.1\r\nhost: x\r\nx-slow: ", "a");
for (let i = 0; i < 1_500 * scale; i++) void hold("slow body", whole, " ");
for (const [name, bytes] of Object.entries(floods))
  for (let i = 0; i < 10 * scale; i++) void flood(name, Buffer.concat([preface, bytes]));
const large = `GET / HTTP/1.1\r\nhost: x\r\n${Array.from({ length: 4_000 }, (_, i) => `x-${i}: aaaaaaaaaaaaaaaa\r\n`).join("")}\r\n`;
const ahead = "GET /signals HTTP/1.1\r\nhost: x\r\n\r\n".repeat(4_000);
for (let i = 0; i < 10 * scale; i++) {
  void flood("large headers", Buffer.from(large));
  void flood("requests sent ahead", Buffer.from(ahead), 300);
}
const ingest = "/millrace.v1.IngestService/IngestBatch";
for (let i = 0; i < 10 * scale; i++) {
  void flood(
    "bomb to Connect",
    post(ingest, "content-type: application/proto\r\ncontent-encoding: gzip\r\n"),
  );
  void flood(
    "bomb to REST",
    post("/signals", "content-type: application/json\r\ncontent-encoding: gzip\r\n"),
  );
}
setInterval(() => console.log(JSON.stringify({ open, counts })), 1_000);
