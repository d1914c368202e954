// The permissions that a browser receives for pages of other origins, by REST, Connect and
// gRPC-Web, and the headers on every answer.
import { connect } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSettings } from "../../runtime/config.ts";
import { gatewaySettings } from "../config.ts";
import { answerEverything } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

const page = "https://plant.example";
const method = "/millrace.v1.SignalService/GetLatest";
const getLatest = `${method}?connect=v1&encoding=json&message=%7B%7D`;

let gateway: TestGateway;
let closed: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({ corsOrigins: [page, "http://localhost:5173"] });
  closed = await openTestGateway();
  for (const { accessor } of [gateway, closed]) accessor.signals = answerEverything();
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
});

type Asked = { to?: TestGateway; origin?: string; init?: RequestInit };

async function ask(
  path: string,
  { to = gateway, origin = page, init = {} }: Asked = {},
): Promise<Response> {
  const response = await fetch(to.baseUrl + path, {
    ...init,
    headers: { ...init.headers, origin },
  });
  await response.body?.cancel();
  return response;
}

const preflight = (path: string, { wants = "POST", ...asked }: Asked & { wants?: string } = {}) =>
  ask(path, {
    ...asked,
    init: { method: "OPTIONS", headers: { "access-control-request-method": wants } },
  });

const allowed = ({ headers }: Response) => headers.get("access-control-allow-origin");
const listOf = ({ headers }: Response, name: string) =>
  (headers.get(name) ?? "").split(", ").map((word) => word.toLowerCase());

test.each(["/signals", "/signals/power/live", "/signals/power/buckets", method, "/nowhere"])(
  "a preflight for %s says what may be sent, for how long, and to nobody else",
  async (path) => {
    const answer = await preflight(path);
    expect([answer.status, allowed(answer)]).toEqual([204, page]);
    expect(listOf(answer, "access-control-allow-methods")).toEqual([
      "get",
      "head",
      "post",
      "put",
      "patch",
    ]);
    const headers = listOf(answer, "access-control-allow-headers");
    expect(headers).toEqual(
      expect.arrayContaining([
        "authorization",
        "x-api-key",
        "last-event-id",
        "idempotency-key",
        "if-none-match",
        "content-type",
        "connect-protocol-version",
        "connect-timeout-ms",
        "x-grpc-web",
        "x-user-agent",
        "grpc-timeout",
      ]),
    );
    expect(headers).not.toContain("*");
    expect(listOf(answer, "vary")).toContain("origin");
    expect(answer.headers.get("access-control-max-age")).toBe("7200");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  },
);

const empty = new Uint8Array(5);
const calls: Record<string, [path: string, init: RequestInit]> = {
  REST: ["/signals/power?limit=2", {}],
  "REST, streamed": ["/signals/power?format=ndjson", {}],
  "a problem": ["/signals/power?from=x", {}],
  "an unknown path": ["/nowhere", {}],
  "Connect GET": [getLatest, {}],
  Connect: [
    method,
    { method: "POST", headers: { "content-type": "application/json" }, body: "{}" },
  ],
  "gRPC-Web": [
    method,
    { method: "POST", headers: { "content-type": "application/grpc-web+proto" }, body: empty },
  ],
};

test.each(Object.entries(calls))(
  "%s: a page of a known origin may read it, and its headers",
  async (_, [path, init]) => {
    const answer = await ask(path, { init });
    expect(allowed(answer)).toBe(page);
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    expect(listOf(answer, "vary")).toContain("origin");
    expect(listOf(answer, "access-control-expose-headers")).toEqual(
      expect.arrayContaining([
        "grpc-status",
        "grpc-message",
        "grpc-status-details-bin",
        "content-encoding",
        "connect-content-encoding",
        "millrace-cursor",
        "millrace-cut",
        "link",
        "etag",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
        "content-disposition",
      ]),
    );
  },
);

test.each(Object.entries(calls))(
  "%s: a page of another origin may not",
  async (_, [path, init]) => {
    for (const origin of [
      "https://evil.example",
      "null",
      `${page}.evil.example`,
      "http://plant.example",
      `${page}:8443`,
    ]) {
      const answer = await ask(path, { init, origin });
      expect([origin, allowed(answer)]).toEqual([origin, null]);
      // A cache must not give this answer to the page that is permitted.
      expect(listOf(answer, "vary")).toContain("origin");
      expect(allowed(await preflight(path, { origin }))).toBeNull();
    }
  },
);

test("where no origin is named, none may", async () => {
  for (const [path, init] of Object.values(calls))
    expect(allowed(await ask(path, { to: closed, init }))).toBeNull();
  expect(allowed(await preflight("/signals", { to: closed }))).toBeNull();
});

test("OPTIONS without a preflight's question still says which methods there are", async () => {
  for (const to of [gateway, closed]) {
    const answer = await ask("/signals", { to, init: { method: "OPTIONS" } });
    expect([answer.status, answer.headers.get("allow")]).toEqual([204, "GET, HEAD, POST, OPTIONS"]);
    expect((await ask("/nowhere", { to, init: { method: "OPTIONS" } })).status).toBe(404);
  }
});

test("Vary also names what the answer depends on by itself", async () => {
  expect(listOf(await ask("/signals"), "vary")).toEqual(["origin", "accept", "accept-encoding"]);
  expect(listOf(await ask("/signals", { to: closed }), "vary")).toEqual([
    "accept",
    "accept-encoding",
  ]);
});

test("a refusal for want of a credential can be read by the page; its preflight needs none", async () => {
  await using guarded = await openTestGateway({ corsOrigins: [page] });
  guarded.accessor.access = {
    whoAmI: () => {
      throw new ConnectError("who?", Code.Unauthenticated);
    },
  };
  for (const [path, init] of [calls["REST"]!, calls["Connect"]!]) {
    expect((await preflight(path, { to: guarded })).status).toBe(204);
    const answer = await ask(path, { to: guarded, init });
    expect([answer.status, allowed(answer)]).toEqual([401, page]);
  }
  const web = await ask(method, { to: guarded, init: calls["gRPC-Web"]![1] });
  expect([web.headers.get("grpc-status"), allowed(web)]).toEqual(["16", page]);
});

test.each([
  "*",
  "null",
  "plant.example",
  `${page}/`,
  `${page}/app`,
  "HTTPS://plant.example",
  "https://plant.example:443",
  "ftp://x",
  "https://*.example",
])("%s is no exact origin", (text) => {
  const read = () =>
    readSettings(
      { name: "gateway", about: "", settings: gatewaySettings },
      ["--cors-origin", text],
      {},
    );
  expect(read).toThrow(/exact origin/);
});

test("origins by flag, repeated, or in the environment with commas", () => {
  const read = (argv: string[], env = {}) =>
    readSettings({ name: "gateway", about: "", settings: gatewaySettings }, argv, env).corsOrigins;
  expect(read([])).toEqual([]);
  const both = ["--cors-origin", page, "--cors-origin", "http://[::1]:5173"];
  expect(read(both)).toEqual([page, "http://[::1]:5173"]);
  expect(read([], { MILLRACE_CORS_ORIGIN: `${page},http://localhost:5173` })).toEqual([
    page,
    "http://localhost:5173",
  ]);
});

test.each([
  ...Object.entries(calls),
  ["OPTIONS", ["/signals", { method: "OPTIONS" }]],
  ["the document", ["/openapi.json", {}]],
  ["a live feed", ["/signals/power/live", {}]],
  ["health", ["/healthz", {}]],
  ["what fastify refuses", ["/signals/%zz", {}]],
] as [string, (typeof calls)[string]][])(
  "%s: a browser makes nothing of it but data",
  async (_, [path, init]) => {
    const { headers } = await ask(path, { to: closed, init });
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none';.*frame-ancestors 'none'/,
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  },
);

test.each(["nonsense\r\n\r\n", `GET / HTTP/1.1\r\nhost: x\r\nlong: ${"x".repeat(20_000)}\r\n\r\n`])(
  "nor of what is said to those whom no route ever sees",
  async (bytes) => {
    const socket = connect(closed.port, "127.0.0.1");
    socket.write(bytes);
    let answer = "";
    for await (const chunk of socket.setEncoding("utf8")) answer += chunk;
    expect(answer).toMatch(
      /^HTTP\/1\.1 4\d\d [\s\S]*content-security-policy: default-src 'none'[\s\S]*nosniff/,
    );
  },
);
