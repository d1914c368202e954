// Hostile calls over HTTP/2: frames and messages of gRPC, gRPC-Web and Connect that are broken in
// many ways.
import { type ClientHttp2Session, connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { compressions, jsonBomb, protobufBomb } from "./bombs.ts";
import { methods, rightBytes } from "./messages.ts";
import { breakBytes, type Random } from "./random.ts";

/** How a call ended, as far as the client can tell. */
export type Ending = { input: string; status: string; said?: string };

type Sent = { path: string; headers: Record<string, string>; body: Buffer; input: string };

const contentTypes = [
  "application/grpc",
  "application/grpc+proto",
  "application/grpc-web+proto",
  "application/connect+proto",
  "application/proto",
];

/**
 * A call that is mostly right, and wrong somewhere; or, one of `dense` on average, one that is
 * small and expands to much.
 */
export function hostileCall(random: Random, dense: number): Sent {
  if (random.chance(dense)) return dearCall(random);
  const method = random.pick(methods);
  const contentType = random.chance(0.6) ? "application/grpc" : random.pick(contentTypes);
  const headers: Record<string, string> = { "content-type": contentType, te: "trailers" };
  let message = rightBytes(random, method);
  if (random.chance(0.6)) message = breakBytes(random, message);
  if (random.chance(0.1)) message = random.bytes(random.below(2_000));
  let flag = 0;
  if (random.chance(0.15)) {
    // Compressed, or declared as such: whole, truncated, or not compressed at all. The last one
    // stopped grpc-js below 1.14.4.
    flag = 1;
    headers["grpc-encoding"] = random.pick(["gzip", "deflate", "identity", "br", "snappy"]);
    headers["connect-content-encoding"] = "gzip";
    const packed = gzipSync(message);
    message = random.pick([
      packed,
      packed.subarray(0, packed.length - 4),
      message,
      breakBytes(random, packed),
    ]);
  }
  const prefix = Buffer.alloc(5);
  prefix[0] = random.chance(0.05) ? random.below(256) : flag;
  prefix.writeUInt32BE(
    random.chance(0.1)
      ? random.pick([0, 1, 0xffffffff, 0x7fffffff, message.length + 7])
      : message.length,
    1,
  );
  const framed = contentType === "application/proto" ? message : Buffer.concat([prefix, message]);
  const body = random.chance(0.1) ? breakBytes(random, framed) : framed;
  if (random.chance(0.03))
    headers["grpc-timeout"] = random.pick(["0n", "1n", "99999999H", "-1S", "x"]);
  if (random.chance(0.03)) headers["grpc-encoding"] = "gzip";
  if (random.chance(0.02))
    headers[`x-${"h".repeat(random.below(200))}`] = "v".repeat(random.below(4_000));
  const path = random.chance(0.03)
    ? `/${random.bytes(6).toString("hex")}/x`
    : `/${method.parent.typeName}/${method.name}`;
  return { path, headers, body, input: `${contentType} ${path}` };
}

/** A call with a message that would be costly to decode, compressed or not. */
function dearCall(random: Random): Sent {
  const method = random.pick(methods);
  const json = random.chance(0.2);
  const contentType = json
    ? random.pick(["application/json", "application/grpc+json", "application/connect+json"])
    : random.pick(contentTypes);
  const path = `/${method.parent.typeName}/${method.name}`;
  const headers: Record<string, string> = { "content-type": contentType, te: "trailers" };
  const member = random.pick(["machines", "signals", "batch", "unknown"]);
  const bomb = json ? jsonBomb(random, member) : protobufBomb(random, method);
  let message = "text" in bomb ? Buffer.from(bomb.text) : bomb.bytes;
  const compression = random.pick(["none", "gzip", "gzip", "deflate", "br"]);
  if (compression !== "none") message = compressions[compression]!(message);
  const isWhole = /^application\/(json|proto)$/.test(contentType);
  if (compression !== "none") {
    const name = isWhole
      ? "content-encoding"
      : contentType.includes("connect")
        ? "connect-content-encoding"
        : "grpc-encoding";
    headers[name] = compression;
  }
  const prefix = Buffer.alloc(5);
  prefix[0] = compression === "none" ? 0 : 1;
  prefix.writeUInt32BE(message.length, 1);
  const envelope = Buffer.concat([prefix, message]);
  // Several at once if they are small, as in one frame.
  const repeated = message.length < 5_000 && random.chance(0.3) ? 20 : 1;
  const body = isWhole ? message : Buffer.concat(Array.from({ length: repeated }, () => envelope));
  return { path, headers, body, input: `${bomb.kind} ${compression} ${contentType} ${path}` };
}

/**
 * Makes the call and reports how it ended; endless streams are left after `patienceMs`. Errors of
 * the connection are endings, too.
 */
export function makeCall(
  session: ClientHttp2Session,
  { path, headers, body, input }: Sent,
  patienceMs: number,
): Promise<Ending> {
  return new Promise((resolve) => {
    let status = "";
    let said = "";
    let settled = false;
    const settle = (ending: string) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      stream.close();
      resolve({ input, status: ending, said });
    };
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    const timer = setTimeout(() => settle(status || "silent"), patienceMs);
    const note = (received: Record<string, unknown>) => {
      const grpc = received["grpc-status"];
      if (grpc !== undefined) {
        status = `grpc ${String(grpc)}`;
        said = decodeURIComponent(String(received["grpc-message"] ?? ""));
      } else if (received[":status"] !== undefined) status = `http ${String(received[":status"])}`;
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", (error: NodeJS.ErrnoException) =>
      settle(status || `error ${error.code ?? error.message}`),
    );
    stream.on("close", () => settle(status || "closed"));
    stream.on("data", (data: Buffer) => {
      if (said.length < 200) said += data.toString("latin1").slice(0, 200);
    });
    stream.end(body);
  });
}

/** A session that reports its loss as an ending, not as an exception. */
export function openSession(url: string): ClientHttp2Session {
  const session = connect(url);
  session.on("error", () => {});
  return session;
}
