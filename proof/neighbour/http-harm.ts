// Harm over HTTP/1.1 at the gateway: bodies whose cost exceeds their size, exports left unread,
// connections held.
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { frame, getRoot, preface, repeat } from "../../test/testing/http2-frames.ts";
import { type Harm, holdOpen, repeatedly, type Target, writeAndLeave } from "./harm.ts";

const zeros = `{"signals":[${"0,".repeat(4_000_000)}0]}`;
const nested = `{"signals":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
const openQuote = `machine,signal,time,value\nbad-1,power,"${"\n".repeat(256 * 1024)}`;
const lines = `${"{}\n".repeat(300_000)}`;

async function post(
  target: Target,
  path: string,
  contentType: string,
  body: string | Buffer,
  more = {},
): Promise<string> {
  const headers = { ...target.headers, "content-type": contentType, ...more };
  const abort = AbortSignal.timeout(20_000);
  const response = await fetch(target.gatewayUrl + path, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : new Uint8Array(body),
    signal: abort,
  });
  await response.arrayBuffer();
  return `${response.status}`;
}

async function get(target: Target, path: string): Promise<string> {
  const abort = AbortSignal.timeout(60_000);
  const response = await fetch(target.gatewayUrl + path, {
    headers: target.headers,
    signal: abort,
  });
  await response.arrayBuffer();
  return `${response.status}`;
}

const head = (target: Target, line: string, more = "") =>
  `${line} HTTP/1.1\r\nhost: 127.0.0.1:${target.gatewayPort}\r\nauthorization: ${target.headers["authorization"]}\r\n${more}\r\n`;

export const httpHarm: Record<string, Harm> = {
  "JSON of zeros": (target) =>
    repeatedly(target, 4, () => post(target, "/signals", "application/json", zeros)),
  "JSON nested": (target) =>
    repeatedly(target, 8, () => post(target, "/signals", "application/json", nested)),
  "Connect JSON of zeros": (target) =>
    repeatedly(target, 4, () =>
      post(
        target,
        "/millrace.v1.IngestService/IngestBatch",
        "application/json",
        `{"batch":{"samples":[{"values":[${"0,".repeat(2_000_000)}0]}]}}`,
      ),
    ),
  "Connect bombs": (target) => {
    const bomb = gzipSync(Buffer.alloc(8_000_000, Buffer.from([0x10, 0x00])));
    const packed = { "content-encoding": "gzip" };
    return repeatedly(target, 8, () =>
      post(target, "/grpc.health.v1.Health/Check", "application/proto", bomb, packed),
    );
  },
  "an open quote": (target) =>
    repeatedly(target, 4, () => post(target, "/signals", "text/csv", openQuote)),
  "lines of nothing": (target) =>
    repeatedly(target, 4, () => post(target, "/signals", "application/x-ndjson", lines)),
  "exports unread": (target) =>
    holdOpen(target, target.gatewayPort, 64, () =>
      head(target, "GET /signals/power?format=ndjson"),
    ),
  "live feeds unread": (target) =>
    holdOpen(target, target.gatewayPort, 200, () => head(target, "GET /signals/power/live")),
  "half bodies": (target) => {
    const headers = "content-type: application/json\r\ncontent-length: 4000000\r\n";
    const half = `{"signals":[${" ".repeat(400_000)}`;
    return holdOpen(
      target,
      target.gatewayPort,
      100,
      () => `${head(target, "POST /signals", headers)}${half}`,
    );
  },
  "summaries since year 1 over REST": (target) =>
    repeatedly(target, 140, (turn) =>
      get(
        target,
        `/machines/bad-full/summary?from=0001-01-01&to=now&x=${turn}`.replace(/&x=\d+/, ""),
      ),
    ),
  "a foreign host": (target) =>
    repeatedly(target, 8, async () => {
      await holdOnce(
        target,
        `GET http://evil.example/signals/power?limit=1 HTTP/1.1\r\nhost: evil.example\r\nauthorization: ${target.headers["authorization"]}\r\nconnection: close\r\n\r\n`,
      );
      return "sent";
    }),
  "requests sent ahead": (target) =>
    writeAndLeave(
      target,
      target.gatewayPort,
      10,
      Buffer.from(head(target, "GET /signals").repeat(2_000)),
    ),
  "chunks of a byte": (target) => {
    const type = "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n";
    const body = "1\r\n \r\n".repeat(100_000);
    return writeAndLeave(
      target,
      target.gatewayPort,
      10,
      Buffer.from(head(target, "POST /signals", type) + body),
    );
  },
  "chunks of sixteen bytes": (target) => {
    const type = "content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n";
    const body = `10\r\n${" ".repeat(15)}\n\r\n`.repeat(50_000);
    return writeAndLeave(
      target,
      target.gatewayPort,
      10,
      Buffer.from(head(target, "POST /signals", type) + body),
    );
  },
  "requests that are left": (target) =>
    repeatedly(target, 16, async (turn) => {
      const socket = connect(target.gatewayPort, "127.0.0.1");
      socket.on("error", () => {}).resume();
      socket.write(head(target, `GET /signals/power?limit=1000&from=-${turn + 1}s`));
      await sleep(turn % 8);
      socket.destroy();
      return "left";
    }),
  "lists that are left": (target) =>
    repeatedly(target, 64, async (turn) => {
      const socket = connect(target.gatewayPort, "127.0.0.1");
      socket.on("error", () => {}).pause();
      const more = "content-type: application/json\r\ncontent-length: 2\r\n";
      socket.write(`${head(target, "POST /millrace.v1.SignalService/ListSignals", more)}{}`);
      await sleep(100 * (turn % 8));
      socket.destroy();
      return "left";
    }),
  "requests at once over HTTP/2": (target) =>
    writeAndLeave(
      target,
      target.gatewayPort,
      10,
      Buffer.concat([preface, repeat(256, (i) => frame(1, 5, 2 * i + 1, getRoot))]),
    ),
  "forged page tokens": (target) =>
    repeatedly(target, 16, () =>
      get(target, `/signals/power?page_token=${Buffer.alloc(49, 0xff).toString("base64url")}`),
    ),
  "connections to the gateway": (target) =>
    holdOpen(target, target.gatewayPort, 1_000, () => "GET / HTTP/1.1\r\nx-slow: a"),
  "connections to the accessor": (target) =>
    holdOpen(target, target.accessorPort, 1_000, () => "PRI * HTTP/2.0\r\n"),
};

async function holdOnce(target: Target, bytes: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(target.gatewayPort, "127.0.0.1", () => socket.write(bytes));
    socket
      .on("error", () => {})
      .on("close", () => resolve())
      .resume();
  });
}
