// What guards the console's files: no path leads out of the folder, links are not followed, and the
// checks of hosts and of addresses come first. A key is not needed.
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { unlimited } from "../limits/limit-settings.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let root: string;
let gateway: TestGateway;
const secret = "not for browsers";
const script = `console.log(${JSON.stringify("x".repeat(2_000))});`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-refusals-"));
  const assets = join(root, "dist/assets");
  await mkdir(assets, { recursive: true });
  await mkdir(join(root, "private"));
  await writeFile(join(root, "private/secret.js"), secret);
  await writeFile(join(root, "private/secret.js.gz"), gzipSync(secret));
  await writeFile(join(root, "dist/index.html"), "<!doctype html><title>Console</title>");
  await writeFile(join(root, "dist/secret.js"), secret);
  for (const name of ["main.js", "mixed.js", ".secret.js"])
    await writeFile(join(assets, name), name.startsWith(".") ? secret : script);
  await symlink(join(root, "private/secret.js"), join(assets, "link.js"));
  await symlink(join(root, "private"), join(assets, "folder"));
  await symlink(join(root, "private/secret.js.gz"), join(assets, "mixed.js.gz"));
  gateway = await openTestGateway({ consoleDir: join(root, "dist") });
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

type Answer = { status: number; body: string };

/** The path as it is written: fetch would normalize it. */
const raw = (path: string, headers: Record<string, string> = {}) =>
  new Promise<Answer>((resolve, reject) => {
    request({ port: gateway.port, host: "127.0.0.1", path, headers }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode!, body }), reject);
    })
      .on("error", reject)
      .end();
  });

test.each([
  ["/assets/link.js", {}],
  ["/assets/folder/secret.js", {}],
  ["/assets/mixed.js", { "accept-encoding": "gzip" }],
] as const)("a link is not followed: %s", async (path, headers) => {
  expect((await raw(path, headers)).status).toBe(404);
});

test("no path of pieces leads to a file that is not the console's", async () => {
  const piece = fc.constantFrom(
    ...["..", ".", "%2e%2e", "%2E.", "..%2f", "%2f", "%5c", "\\", "//", "%00", "%zz", "?", "%3f"],
    ...["assets", "private", "folder", "dist", "secret.js", ".secret.js", "link.js", "main.js"],
  );
  const accepts = fc.constantFrom("text/html", "*/*");
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), accepts, async (pieces, accept) => {
      const headers = { accept, "accept-encoding": "gzip" };
      const { status, body } = await raw(`/assets/${pieces.join("/")}`, headers);
      expect(body).not.toContain(secret);
      expect(status === 200 ? body : status).toEqual(
        status === 200 ? script : expect.toSatisfy((code: number) => code >= 400 && code < 500),
      );
    }),
    { numRuns: 300 },
  );
});

test("a page under another name is refused: it was led here", async () => {
  for (const path of ["/", "/machines/mill-1", "/assets/main.js"])
    expect((await raw(path, { host: "evil.example", accept: "text/html" })).status).toBe(403);
});

test("the files count as requests of their address", async () => {
  await using limited = await openTestGateway({
    consoleDir: join(root, "dist"),
    limits: {
      ...unlimited,
      limitLoopback: true,
      perAddress: { ...unlimited.perAddress, requests: { perSecond: 0.01, burst: 2 } },
    },
  });
  const statusOf = async (path: string) => {
    const response = await fetch(limited.baseUrl + path, { headers: { accept: "text/html" } });
    await response.arrayBuffer();
    return response.status;
  };
  expect([
    await statusOf("/"),
    await statusOf("/assets/main.js"),
    await statusOf("/errors"),
    await statusOf("/assets/main.js"),
  ]).toEqual([200, 200, 429, 429]);
});

test("whoever has no key gets the files, which then ask for one", async () => {
  await using keyed = await openTestGateway({ consoleDir: join(root, "dist") });
  keyed.accessor.access = {
    whoAmI: () => {
      throw new ConnectError("a key is needed", Code.Unauthenticated);
    },
  };
  const statusOf = async (path: string) =>
    (await fetch(keyed.baseUrl + path, { headers: { accept: "text/html, */*;q=0.1" } })).status;
  expect(await statusOf("/signals")).toBe(401);
  expect([await statusOf("/energy"), await statusOf("/assets/main.js")]).toEqual([200, 200]);
});
