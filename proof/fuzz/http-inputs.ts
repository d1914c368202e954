// Hostile HTTP/1.1: requests of REST and Connect JSON with wild fields, and bytes that are hardly
// HTTP.
import { connect } from "node:net";
import { callHead, frame, preface, repeat } from "../../test/testing/http2-frames.ts";
import { jsonBomb, linesBomb, wildPageToken } from "./bombs.ts";
import type { Ending } from "./grpc-inputs.ts";
import { methods, oddName, rightJson, wildJson } from "./messages.ts";
import { breakBytes, type Random } from "./random.ts";

const paths = [
  "/signals",
  "/signals/power",
  "/signals/state",
  "/signals/error/latest",
  "/signals/power/buckets",
  "/signals/state/intervals",
  "/machines",
  "/machines/mill-1/summary",
  "/machines/fuzz-1/signals/valve",
  "/healthz",
  "/readyz",
  "/openapi.json",
  "/",
  "/machines/mill-1",
  "/errors",
  "/assets/main.js",
  "/assets/..%2fsources.sha256",
];
const names = [
  "machine",
  "from",
  "to",
  "limit",
  "page_token",
  "min_cursor",
  "width",
  "points",
  "days",
  "state",
  "severity",
  "code_prefix",
  "format",
  "sample_type",
  "validate_only",
  "x",
];
const values = [
  "",
  "mill-1",
  "-15m",
  "now",
  "1e99",
  "-1",
  "0",
  "%00",
  "%ff%fe",
  "9999999999999999",
  "'; drop table log;--",
  "Europe/Berlin",
  "1ns",
  "A".repeat(300),
  "%F0%9F%92%A9",
  "json",
  "csv",
];
const bodies = [
  '{"signals":[{"machine":"f","signal":"power","time":"now","value":1}]}',
  '{"machine":"f","samples":[{"signal":"power"}]}',
  "{",
  "[]",
  "null",
  "",
  '"\\ud800"',
  `${"[".repeat(5_000)}${"]".repeat(5_000)}`,
  '{"__proto__":{"a":1}}',
];

const rowOf = (machine: string) =>
  JSON.stringify({ signals: [{ machine, signal: "power", time: "now", value: 1, unit: "W" }] });
const declarations = [
  '{"sample_type":"step"}',
  '{"sample_type":"stairs"}',
  '{"max_gap":"45m","unit":"kWh"}',
  '{"max_gap":-1}',
  '{"untit":"kW"}',
  "{}",
];

const descriptions = [
  '{"display_name":"Press 7","labels":{"line":"3","hall":null}}',
  '{"labels":null}',
  '{"labels":{"Line":"3"}}',
  '{"labels":{"line":3}}',
  '{"display_name":"\\u0000"}',
  '{"labels":{"__proto__":"x","constructor":"y"}}',
];

/** A request of HTTP/1.1 as bytes. */
export function hostileRequest(random: Random, dense: number): { bytes: Buffer; input: string } {
  if (random.chance(dense)) return dearRequest(random);
  const kind = random.below(10);
  if (kind < 4) return get(random);
  if (kind < 6)
    return post(
      random,
      "/signals",
      random.chance(0.2) ? rowOf(oddName(random)) : random.pick(bodies),
      "POST /signals",
    );
  if (kind < 7 && random.chance(0.2)) {
    const path = `/machines/fuzz-${random.below(3)}`;
    const method = random.pick(["PUT", "PATCH"]);
    return post(
      random,
      path,
      random.pick([...descriptions, ...bodies]),
      `${method} ${path}`,
      method,
    );
  }
  if (kind < 7 && random.chance(0.3)) {
    const path = `/machines/fuzz-${random.below(3)}/signals/${random.pick(["valve", "meter", "power", "state"])}`;
    return post(random, path, random.pick([...declarations, ...bodies]), `PATCH ${path}`, "PATCH");
  }
  if (kind < 8) {
    const method = random.pick(methods);
    const path = `/${method.parent.typeName}/${method.name}`;
    return post(
      random,
      path,
      JSON.stringify(wildJson(random, rightJson(random, method))),
      `connect ${path}`,
    );
  }
  const whole = random.chance(0.5)
    ? get(random)
    : post(random, "/signals", random.pick(bodies), "");
  return { bytes: breakBytes(random, whole.bytes), input: "broken bytes" };
}

/** A body or a target that is small and expands to much. */
function dearRequest(random: Random): { bytes: Buffer; input: string } {
  if (random.chance(0.1)) return inPieces(random);
  if (random.chance(0.3)) {
    const { text, kind } = jsonBomb(random, random.pick(["signals", "batch", "machine"]));
    return whole("POST /signals", "application/json", Buffer.from(text), kind);
  }
  if (random.chance(0.6)) {
    const { text, type, kind } = linesBomb(random);
    return whole("POST /signals?type=power", type, Buffer.from(text), kind);
  }
  const target = random.pick([
    `/signals/power?limit=1&page_token=${wildPageToken(random)}`,
    "http://evil.example/signals/power?limit=1",
    `/machines?limit=1&page_token=${wildPageToken(random)}`,
    `/signals/power?${Array.from({ length: 200 }, (_, i) => `machine=m${i}`).join("&")}`,
    "/machines/summary?from=0001-01-01T00:00:00Z",
  ]);
  const bytes = Buffer.from(
    `GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
    "latin1",
  );
  return { bytes, input: `GET ${target.slice(0, 80)}` };
}

function whole(
  line: string,
  type: string,
  body: Buffer,
  kind: string,
): { bytes: Buffer; input: string } {
  const head = `${line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head), body]), input: `${line} ${type} ${kind}` };
}

/** A body in thousands of pieces: chunks of HTTP/1.1, or frames of HTTP/2. */
function inPieces(random: Random): { bytes: Buffer; input: string } {
  const pieceBytes = random.pick([1, 2, 7, 15, 16, 17, 24, 64]);
  const piece = Buffer.alloc(pieceBytes, random.pick([" ", "\n", "0"]));
  const count = random.pick([1_000, 5_000, 20_000]);
  if (random.chance(0.5)) {
    const type = random.pick(["application/json", "application/x-ndjson", "text/csv"]);
    const head = `POST /signals HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`;
    const chunk = Buffer.concat([
      Buffer.from(`${pieceBytes.toString(16)}\r\n`),
      piece,
      Buffer.from("\r\n"),
    ]);
    const bytes = Buffer.concat([
      Buffer.from(head),
      repeat(count, () => chunk),
      Buffer.from("0\r\n\r\n"),
    ]);
    return { bytes, input: `POST /signals ${type} ${count} chunks of ${pieceBytes} bytes` };
  }
  const method = random.pick(methods);
  const path = `/${method.parent.typeName}/${method.name}`;
  const prefix = Buffer.from([0, 0, 0x3f, 0xff, 0xff]);
  const data = frame(0, 0, 1, piece);
  const opening = [preface, frame(1, 4, 1, callHead(path)), frame(0, 0, 1, prefix)];
  return {
    bytes: Buffer.concat([...opening, repeat(count, () => data)]),
    input: `${path} ${count} frames of ${pieceBytes} bytes`,
  };
}

/** The same with a credential. */
export function asCaller(bytes: Buffer, credential: string | undefined): Buffer {
  const at = bytes.indexOf("\r\n");
  if (credential === undefined || at < 0 || bytes.indexOf("PRI ") === 0) return bytes;
  const line = Buffer.from(`\r\nauthorization: Bearer ${credential}`);
  return Buffer.concat([bytes.subarray(0, at), line, bytes.subarray(at)]);
}

const valueFor = (random: Random) =>
  random.chance(0.2) ? encodeURIComponent(oddName(random)) : random.pick(values);

function get(random: Random): { bytes: Buffer; input: string } {
  const query = Array.from(
    { length: random.below(4) },
    () => `${random.pick(names)}=${valueFor(random)}`,
  ).join("&");
  const path = random.chance(0.1)
    ? `/machines/${encodeURIComponent(oddName(random))}/summary`
    : random.pick(paths);
  const target = `${path}${query === "" ? "" : `?${query}`}`;
  const accept = random.pick([
    "*/*",
    "application/json",
    "text/csv",
    "application/x-ndjson",
    "image/png",
    ";;;",
  ]);
  const verb = random.pick(["GET", "GET", "GET", "HEAD", "DELETE", "OPTIONS", "PUT"]);
  const text = `${verb} ${target} HTTP/1.1\r\nhost: localhost\r\naccept: ${accept}\r\nconnection: close\r\n\r\n`;
  return { bytes: Buffer.from(text, "latin1"), input: `${verb} ${target}` };
}

function post(
  random: Random,
  path: string,
  body: string,
  input: string,
  verb = "POST",
): { bytes: Buffer; input: string } {
  const payload = Buffer.from(body);
  const type = random.pick([
    "application/json",
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "text/plain",
    "application/json; charset=latin1",
  ]);
  const extra = random.chance(0.1)
    ? random.pick([
        "transfer-encoding: chunked\r\n",
        "content-encoding: gzip\r\n",
        "expect: 100-continue\r\n",
        "connect-timeout-ms: x\r\n",
      ])
    : "";
  const length = random.chance(0.05) ? random.pick([0, 1, 1e10, -1]) : payload.length;
  const head = `${verb} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n${extra}connection: close\r\n\r\n`;
  return { bytes: Buffer.concat([Buffer.from(head, "latin1"), payload]), input };
}

/** Sends bytes on a connection of its own; the status line is the ending. */
export function sendBytes(
  port: number,
  { bytes, input }: { bytes: Buffer; input: string },
  patienceMs: number,
): Promise<Ending> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let received = "";
    const settle = (fallback: string) => {
      clearTimeout(timer);
      socket.destroy();
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(received)?.[1];
      resolve({ input, status: status === undefined ? fallback : `http ${status}` });
    };
    const timer = setTimeout(() => settle("silent"), patienceMs);
    socket.on("data", (data) => {
      if (received.length < 64) received += data.toString("latin1");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => settle(`error ${error.code ?? ""}`));
    socket.on("close", () => settle("closed"));
    socket.end(bytes);
  });
}
