// The name that a request is addressed to: foreign names are refused, in every protocol, if a
// browser could be led here; request targets are normalized; and neither appears in the answers of
// other clients.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import {
  GetVersionResponseSchema,
  QuerySignalsResponseSchema,
} from "#gen/millrace/v1/signal_service_pb.ts";
import type { GatewayOptions } from "../gateway.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { hostName } from "./allowed-hosts.ts";

const method = "/millrace.v1.SignalService/ListSignals";

async function open(options: Partial<GatewayOptions> = {}): Promise<TestGateway> {
  const gateway = await openTestGateway(options);
  gateway.accessor.signals = {
    listSignals: () => ({}),
    getVersion: () => create(GetVersionResponseSchema, { version: "v1", cursor: "c1" }),
    querySignals: () => create(QuerySignalsResponseSchema, { nextPageToken: "next", cursor: "c1" }),
  };
  return gateway;
}

/** A raw request as it is on the wire, and everything that comes back. */
async function raw({ port }: TestGateway, lines: string[], body = ""): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `${[...lines, "Connection: close", `Content-Length: ${Buffer.byteLength(body)}`].join("\r\n")}\r\n\r\n`,
  );
  socket.write(body);
  return text(socket);
}

async function http2({ port }: TestGateway, headers: Record<string, string>, body?: Buffer) {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request(headers);
    const answer: Record<string, unknown> = {};
    stream
      .on("response", (head) => Object.assign(answer, head))
      .on("trailers", (head) => Object.assign(answer, head));
    stream.end(body);
    const closed = once(stream, "close");
    answer["text"] = await text(stream).catch(() => "");
    await closed;
    return answer;
  } finally {
    session.destroy();
  }
}

const get = (gateway: TestGateway, host: string, target = "/signals") =>
  raw(gateway, [`GET ${target} HTTP/1.1`, `Host: ${host}`]);
const statusOf = (answer: string) => Number(answer.slice(9, 12));

test("on loopback, where everyone is let in, a foreign name is refused with what to set", async () => {
  await using gateway = await open();
  for (const host of [
    "localhost",
    `LOCALHOST:${gateway.port}`,
    "localhost.",
    "127.0.0.1:1",
    "127.0.0.2",
    "[::1]:80",
  ])
    expect([host, statusOf(await get(gateway, host))]).toEqual([host, 200]);
  for (const host of [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "a b",
  ]) {
    const answer = await get(gateway, host);
    expect([host, statusOf(answer)]).toEqual([host, 403]);
    expect(answer).toMatch(/"reason":"PERMISSION_DENIED"/);
    expect(answer).toContain("--allowed-host");
    expect(answer).toContain('"setting":"--allowed-host"');
  }
  for (const path of ["/", "/docs", "/healthz", "/openapi.json", "/metrics", "/nowhere"])
    expect([path, statusOf(await get(gateway, "evil.example", path))]).toEqual([path, 403]);
  const written = await raw(
    gateway,
    ["POST /signals HTTP/1.1", "Host: evil.example", "Content-Type: application/json"],
    '{"signals":[]}',
  );
  expect(statusOf(written)).toBe(403);
});

test("so it is in Connect, gRPC-Web and gRPC, by Host and by :authority", async () => {
  await using gateway = await open();
  const call = (host: string, type: string, body: string) =>
    raw(gateway, [`POST ${method} HTTP/1.1`, `Host: ${host}`, `Content-Type: ${type}`], body);
  expect(statusOf(await call("localhost", "application/json", "{}"))).toBe(200);
  const refused = await call("evil.example", "application/json", "{}");
  expect([statusOf(refused), refused]).toEqual([
    403,
    expect.stringContaining('"code":"permission_denied"'),
  ]);
  const byGet = await get(
    gateway,
    "evil.example",
    `${method}?encoding=json&message=%7B%7D&connect=v1`,
  );
  expect(statusOf(byGet)).toBe(403);
  const web = await call("evil.example", "application/grpc-web+proto", "\0\0\0\0\0");
  expect(web).toMatch(/grpc-status: 7/i);

  const grpc = {
    ":method": "POST",
    ":path": method,
    "content-type": "application/grpc",
    te: "trailers",
  };
  const empty = Buffer.alloc(5);
  const authority = `localhost:${gateway.port}`;
  expect(await http2(gateway, { ...grpc, ":authority": authority }, empty)).toMatchObject({
    "grpc-status": "0",
  });
  const foreign = await http2(gateway, { ...grpc, ":authority": "evil.example" }, empty);
  expect(foreign).toMatchObject({ "grpc-status": "7" });
  expect(decodeURIComponent(String(foreign["grpc-message"]))).toContain("--allowed-host");
  const rest = await http2(gateway, { ":path": "/signals", ":authority": "evil.example" });
  expect(rest).toMatchObject({ ":status": 403, text: expect.stringContaining("--allowed-host") });
});

test("names that were given are answered to, and then only those, also beyond loopback", async () => {
  await using gateway = await open({ allowedHosts: ["plant.example"] });
  expect(statusOf(await get(gateway, "Plant.Example:443"))).toBe(200);
  expect(statusOf(await get(gateway, "localhost"))).toBe(200);
  expect(statusOf(await get(gateway, "other.example"))).toBe(403);
  await using everywhere = await open({ host: "0.0.0.0", allowedHosts: ["plant.example"] });
  expect(statusOf(await get(everywhere, "other.example"))).toBe(403);
  await using free = await open({ host: "0.0.0.0" });
  expect(statusOf(await get(free, "other.example"))).toBe(200);
});

test("where a credential is needed any name will do, and while nobody says so none", async () => {
  await using gateway = await open();
  gateway.accessor.access = {
    whoAmI() {
      throw new ConnectError("no", Code.Unauthenticated);
    },
  };
  expect(statusOf(await get(gateway, "plant.example"))).toBe(401);
  expect(statusOf(await get(gateway, "plant.example", "/healthz"))).toBe(200);
  await using alone = await open();
  await alone.accessor[Symbol.asyncDispose]();
  expect(statusOf(await get(alone, "plant.example"))).toBe(503);
});

test("two hosts are 400, whatever they are", async () => {
  await using gateway = await open();
  for (const second of ["evil.example", "localhost"]) {
    const answer = await raw(gateway, [
      "GET /signals HTTP/1.1",
      "Host: localhost",
      `Host: ${second}`,
    ]);
    expect([second, statusOf(answer)]).toEqual([second, 400]);
    expect(answer).toContain("more than one Host header");
  }
  const differ = await http2(gateway, {
    ":path": "/signals",
    ":authority": "localhost",
    host: "evil.example",
  });
  expect(differ).toMatchObject({ ":status": 400, text: expect.stringContaining("differ") });
});

test("a target that names a host is one for that host, and is reduced to its path", async () => {
  await using gateway = await open();
  const absolute = (target: string, host = "localhost") => get(gateway, host, target);
  expect(statusOf(await absolute("http://evil.example/signals"))).toBe(403);
  expect(statusOf(await absolute("http://localhost/signals", "evil.example"))).toBe(200);
  expect(statusOf(await absolute(`HTTP://127.0.0.1:${gateway.port}?x`))).toBe(400);
  for (const target of [
    "ftp://localhost/signals",
    "http:///signals",
    "http://a@localhost/signals",
    "http://a b/",
  ])
    expect([target, statusOf(await absolute(target))]).toEqual([target, 400]);
  expect(await absolute("http://localhost/nowhere?a=http://evil.example/")).toContain(
    '"instance":"/nowhere"',
  );
  const byPath = http2(gateway, { ":path": "http://localhost/signals", ":authority": "localhost" });
  await expect(byPath).rejects.toThrow("PROTOCOL_ERROR");
});

test("a kept answer holds nothing of the request that it was made for", async () => {
  // Every name is permitted here, as it is beyond loopback.
  await using gateway = await open({ host: "0.0.0.0" });
  const range = "from=2026-03-01&to=2026-03-02&limit=1";
  const first = await get(
    gateway,
    "evil.example",
    `http://evil.example/signals/power/?${range}&min_cursor=evil`,
  );
  expect(first).toMatch(/^link: <\/signals\/power\?.*page_token=next>; rel="next"\r$/im);
  const again = await get(gateway, "localhost", `/signals/power?${range}`);
  expect(again).toMatch(/^age: /im);
  expect(again).toMatch(/^link: <\/signals\/power\?from=2026-03-01T00%3A00%3A00Z&to=/im);
  expect(again.toLowerCase()).not.toContain("evil");
  // And each client gets its own query back.
  expect(first).toContain("min_cursor=evil");
});

test("what can be a name", () => {
  for (const good of ["plant.example", "gateway", "10.0.0.7", "[fd00::1]", "under_score.example"])
    expect(hostName.read(good)).toBe(good);
  expect(hostName.read("Plant.Example")).toBe("plant.example");
  for (const bad of [
    "",
    "*",
    "a b",
    "plant.example:8080",
    "http://plant.example",
    ".a",
    "a..b",
    "a".repeat(300),
  ])
    expect(hostName.read(bad)).toBeUndefined();
});
