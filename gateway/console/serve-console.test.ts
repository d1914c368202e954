// The console's files over real sockets: the page for browsers, JSON for programs, and no file
// besides those that were built.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";
import { isView } from "./serve-console.ts";

let root: string;
let gateway: TestGateway;
const script = `console.log(${JSON.stringify("x".repeat(2_000))});`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-console-"));
  await mkdir(join(root, "dist/assets"), { recursive: true });
  await writeFile(join(root, "secret.txt"), "secret");
  await writeFile(join(root, "dist/index.html"), "<!doctype html><title>Console</title>");
  await writeFile(join(root, "dist/sources.txt"), "not to be served");
  await writeFile(join(root, "dist/assets/main-1a2b.js"), script);
  await writeFile(join(root, "dist/assets/main-1a2b.js.gz"), gzipSync(script));
  await writeFile(join(root, "dist/assets/.hidden"), "hidden");
  gateway = await openTestGateway({ consoleDir: join(root, "dist") });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

const browser = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${gateway.baseUrl}${path}`, { method, headers });

test.each([
  "/",
  "/machines/mill-1",
  "/machines/Halle%203%20%2F%20Presse%207",
  "/errors?severity=ERROR",
  "/compare",
  "/energy",
  "/add",
  "/system",
])("a browser gets the page at %s", async (path) => {
  const response = await get(path, browser);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await response.text()).toContain("<title>Console</title>");
  expect(response.headers.get("cache-control")).toBe("no-cache");
  expect(response.headers.get("vary")).toContain("accept");
  const policy = response.headers.get("content-security-policy")!;
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  const tag = response.headers.get("etag")!;
  // Proxies that compress make a tag weak.
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`, "*"])
    expect((await get(path, { ...browser, "if-none-match": known })).status).toBe(304);
  expect((await get(path, { ...browser, "if-none-match": '"other"' })).status).toBe(200);
  const head = await get(path, browser, "HEAD");
  expect([head.status, head.headers.get("content-length")]).toEqual([200, "37"]);
});

test("a program gets what it gets without a console", async () => {
  expect((await gateway.ask("/")).body).toMatchObject({ docs: "/docs" });
  for (const [path, headers] of [
    ["/machines/mill-1", {}],
    ["/errors", { accept: "application/json" }],
    ["/system?format=json", browser],
    ["/machines", browser],
    ["/nowhere", browser],
  ] as const) {
    const response = await get(path, headers);
    expect([path, response.headers.get("content-type")?.split(";")[0]]).toEqual([
      path,
      expect.stringMatching(/json$/),
    ]);
  }
  expect((await get("/docs", browser)).headers.get("content-security-policy")).not.toContain(
    "script-src 'self'",
  );
  expect((await get("/", browser, "POST")).status).toBe(405);
});

test("hashed files are kept for ever, compressed as they were built, under the same policy", async () => {
  const response = await get("/assets/main-1a2b.js", { "accept-encoding": "gzip" });
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(response.headers.get("content-type")).toMatch(/^(text|application)\/javascript/);
  expect(response.headers.get("content-encoding")).toBe("gzip");
  expect(response.headers.get("vary")).toMatch(/accept-encoding/i);
  expect(response.headers.get("content-security-policy")).toContain("connect-src 'self'");
  expect(await response.text()).toBe(script);
  const plain = await get("/assets/main-1a2b.js", { "accept-encoding": "identity" });
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(await plain.text()).toBe(script);
});

/** As it is written: fetch would normalize it. */
const raw = (path: string) =>
  new Promise<number>((resolve, reject) => {
    request({ port: gateway.port, host: "127.0.0.1", path }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on("error", reject)
      .end();
  });

test.each([
  "/assets/../sources.txt",
  "/assets/..%2Fsources.txt",
  "/assets/%2e%2e/%2e%2e/secret.txt",
  "/assets/..\\..\\secret.txt",
  "/assets//etc/passwd",
  "/assets/.hidden",
  "/assets/",
  "/assets",
  "/assets/main-1a2b.js%00.txt",
  "/assets/none.js",
  "/sources.txt",
  "/index.html",
])("%s is not served", async (path) => {
  expect(await raw(path)).toBeGreaterThanOrEqual(400);
});

test("addresses of views", () => {
  for (const path of [
    "/machines",
    "/machines/",
    "/machines/a/b",
    "/machines/summary",
    "/docs",
    "/x",
  ])
    expect([path, isView(path)]).toEqual([path, false]);
  expect(isView("/machines/a%2Fb/")).toBe(true);
});

test("without a built console all is as before, and the log says how to build it", async () => {
  const lines: string[] = [];
  const sink = (line: string) => void lines.push(line);
  const log = createLog({ name: "test", level: "info", format: "json", sink });
  await using bare = await openTestGateway({ consoleDir: join(root, "none"), log });
  expect(lines.filter((line) => line.includes("npm run console:build"))).toHaveLength(1);
  const response = await fetch(`${bare.baseUrl}/`, { headers: browser });
  expect(await response.text()).toContain("Millrace REST");
});
