// Which format an answer has, which answers are compressed, and the methods of every route.

import zlib from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chooseEncoding } from "../encoding/compression.ts";
import { answerEverything, fullStatus, nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { answerMachines } from "../testing/machine-answers.ts";
import { chooseFormat, type Format } from "./formats.ts";
import { routes } from "./routes.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
  gateway.accessor.signals = answerEverything();
  gateway.accessor.machines = answerMachines();
  gateway.accessor.status.getStatus = fullStatus;
});
afterAll(() => gateway[Symbol.asyncDispose]());

const table: Format[] = ["json", "ndjson", "csv"];

test.each<[accept: string | undefined, format: Format]>([
  [undefined, "json"],
  ["", "json"],
  ["*/*", "json"],
  ["text/csv", "csv"],
  ["TEXT/CSV ; q=1", "csv"],
  ["application/jsonl", "ndjson"],
  ["application/x-ndjson, text/csv", "ndjson"],
  ["application/json;q=0.5, text/csv;q=0.9", "csv"],
  ["application/*;q=0.5, text/*", "csv"],
  ["text/html, */*;q=0.1", "json"],
  ["application/json;q=0, */*", "ndjson"],
  ["application/json;q=2, text/csv;q=0.1", "csv"],
])("Accept: %s gives %s", (accept, format) => {
  expect(chooseFormat(accept, table)).toBe(format);
});

test.each(["image/png", "application/json;q=0", "text/event-stream", ","])(
  "Accept: %s is 406 with what there is",
  async (accept) => {
    const { status, body } = await gateway.ask("/signals/power", { headers: { accept } });
    expect([status, body["formats"]]).toEqual([
      406,
      { json: "application/json", ndjson: "application/x-ndjson", csv: "text/csv" },
    ]);
  },
);

test("?format= wins over Accept, and is refused alike", async () => {
  const get = (query: string, accept: string) =>
    fetch(`${gateway.baseUrl}/signals/power?${query}`, { headers: { accept } });
  expect((await get("format=CSV", "application/json")).headers.get("content-type")).toMatch(
    /^text\/csv;/,
  );
  expect((await get("format=json", "image/png")).headers.get("content-type")).toMatch(
    /^application\/json;/,
  );
  const { status, body } = await gateway.ask("/signals/power?format=xml");
  expect([status, body["title"], body["type"]]).toEqual([406, "Not Acceptable", "about:blank"]);
  expect((await gateway.ask("/machines?format=csv")).body["formats"]).toEqual({
    json: "application/json",
  });
});

test.each(
  routes
    .filter(({ method }) => method === "GET")
    .flatMap((route) => route.formats.map((format) => [route.example, format] as const)),
)("HEAD %s as %s has the headers of GET, and no body", async (path, format) => {
  const url = `${gateway.baseUrl}${path}`;
  const accept = {
    json: "application/json",
    ndjson: "application/x-ndjson",
    csv: "text/csv",
    sse: "text/event-stream",
    html: "text/html",
    text: "text/plain",
  }[format];
  const headers = { accept };
  const head = await fetch(url, { method: "HEAD", headers });
  const get = await fetch(url, { headers });
  const comparable = ({ headers }: Response) =>
    Object.fromEntries(
      [...headers].filter(
        ([name]) =>
          ![
            "date",
            "transfer-encoding",
            "connection",
            "keep-alive",
            ...(path === "/metrics" ? ["content-length"] : []),
          ].includes(name),
      ),
    );
  expect([head.status, comparable(head)]).toEqual([200, comparable(get)]);
  expect([await head.text(), (await get.text()).length > 0]).toEqual(["", true]);
});

test("HEAD has the status of GET where that is refused", async () => {
  for (const path of ["/machines/nobody/summary?from=-1h", "/signals/power?frm=1"]) {
    const [head, get] = [
      await fetch(gateway.baseUrl + path, { method: "HEAD" }),
      await fetch(gateway.baseUrl + path),
    ];
    expect([head.status, head.headers.get("content-type")]).toEqual([
      get.status,
      get.headers.get("content-type"),
    ]);
    await get.text();
  }
});

test("OPTIONS says what a path takes", async () => {
  const allow = async (path: string) => {
    const response = await fetch(gateway.baseUrl + path, { method: "OPTIONS" });
    return [response.status, response.headers.get("allow"), await response.text()];
  };
  expect(await allow("/signals")).toEqual([204, "GET, HEAD, POST, OPTIONS", ""]);
  expect(await allow("/machines/x")).toEqual([204, "GET, HEAD, PUT, PATCH, OPTIONS", ""]);
  for (const { path, method } of routes) {
    if (method === "GET" && !["/signals", "/machines/{machine}"].includes(path))
      expect(await allow(path.replace(/\{\w+\}/g, "x"))).toEqual([204, "GET, HEAD, OPTIONS", ""]);
  }
});

test.each([
  [undefined, undefined],
  ["", undefined],
  ["identity", undefined],
  ["gzip", "gzip"],
  ["gzip, deflate", "gzip"],
  ["gzip, deflate, br, zstd", "zstd"],
  ["br;q=0.9, gzip;q=1.0", "gzip"],
  ["gzip;q=0", undefined],
  ["*", "zstd"],
  ["*;q=0.5, zstd;q=0", "br"],
  ["gzip;q=0.5, identity", undefined],
  ["compress", undefined],
])("Accept-Encoding: %s gives %s", (accept, encoding) => {
  expect(chooseEncoding(accept)).toBe(encoding);
});

/** Bytes as they were on the wire: fetch would decompress them. */
async function getRaw(path: string, headers: Record<string, string>) {
  const { request } = await import("node:http");
  return new Promise<{ encoding: string | undefined; bytes: Buffer }>((resolve, reject) => {
    const asked = request({ port: gateway.port, host: "127.0.0.1", path, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk)).on("error", reject);
      response.on("end", () =>
        resolve({ encoding: response.headers["content-encoding"], bytes: Buffer.concat(chunks) }),
      );
    });
    asked.on("error", reject).end();
  });
}

const unpack = {
  zstd: zlib.zstdDecompressSync,
  br: zlib.brotliDecompressSync,
  gzip: zlib.gunzipSync,
};

test.each(["zstd", "br", "gzip"] as const)(
  "%s packs large answers and exports, small ones and feeds stay as they are",
  async (encoding) => {
    const headers = { "accept-encoding": encoding };
    for (const path of [
      "/docs",
      "/openapi.json",
      "/signals/power?format=csv",
      "/signals/state?format=ndjson",
    ]) {
      const packed = await getRaw(path, { ...headers, host: "localhost" });
      const plain = await getRaw(path, { host: "localhost" });
      expect([path, packed.encoding, plain.encoding]).toEqual([path, encoding, undefined]);
      expect(unpack[encoding](packed.bytes).equals(plain.bytes)).toBe(true);
    }
    for (const path of [
      "/healthz",
      "/signals",
      "/signals/power/live",
      "/signals/power/live?format=ndjson",
    ]) {
      expect([path, (await getRaw(path, headers)).encoding]).toEqual([path, undefined]);
    }
  },
);
