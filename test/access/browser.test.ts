// The browser blocks of docs/api-clients.md in a real Chromium, on a page of another origin, with a
// real accessor behind the gateway. Skipped if no Chromium is installed.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestAccessor } from "../../accessor/testing/accessor.ts";
import { type CheckedGateway, openCheckedGateway } from "../../gateway/testing/gateway.ts";
import { createLog } from "../../runtime/log.ts";
import { type Fixture, openFixture } from "../testing/access.ts";
import { eventually } from "../testing/eventually.ts";

const executablePath = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find(existsSync);

const doc = readFileSync(new URL("../../docs/api-clients.md", import.meta.url), "utf8");
const section = /^## A browser$([\s\S]*?)^## /m.exec(doc)![1]!;
const blocks = Array.from(section.matchAll(/^```js\n([\s\S]*?)^```$/gm), ([, code = ""]) => code);
const [eventSource, ...keyed] = blocks as [string, ...string[]];

/** Serves pages by path, with no header that would relax the browser's restrictions. */
async function openPages() {
  const pages = new Map<string, string>();
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(pages.get(request.url ?? "") ?? "<!doctype html><title>empty</title>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    /** The same server under a name that a browser treats as another origin. */
    otherOrigin: `http://localhost:${port}`,
    add(code: string): string {
      const path = `/${pages.size}`;
      pages.set(path, `<!doctype html><title>page</title><script type="module">\n${code}</script>`);
      return path;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const stack = new AsyncDisposableStack();
let pages: Awaited<ReturnType<typeof openPages>>;
let fixture: Fixture;
let guarded: CheckedGateway;
let open: CheckedGateway;
let browser: Browser;
let key: string;

async function setUp() {
  pages = stack.use(await openPages());
  fixture = stack.use(await openFixture());
  const log = createLog({ name: "gateway", level: "silent" });
  const shown = { host: "127.0.0.1", port: 0, log, corsOrigins: [pages.origin] };
  guarded = stack.use(await openCheckedGateway({ ...shown, accessorUrl: fixture.accessorUrl }));
  const accessor = stack.use(await openTestAccessor());
  open = stack.use(
    await openCheckedGateway({ ...shown, accessorUrl: `http://127.0.0.1:${accessor.port}` }),
  );
  key = await fixture.keys.create({ scope: ["read", "live"], machine: ["mill-*"] });
  // A container's root may not be permitted to create Chromium's sandbox.
  browser = await chromium.launch({
    executablePath: executablePath!,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-features=LocalNetworkAccessChecks",
      "--host-resolver-rules=MAP rebound.example 127.0.0.1",
    ],
  });
  stack.defer(() => browser.close());
}

type Run = { said: string[]; failed: string[] };

/**
 * Opens a page with this code and waits a while for it to report the expected text; `meanwhile`
 * runs repeatedly until then.
 */
async function run(code: string, { on, gateway, until, meanwhile }: Asked): Promise<Run> {
  const told: Run = { said: [], failed: [] };
  const page = await browser.newPage();
  try {
    page.on("console", (message) =>
      (message.type() === "error" ? told.failed : told.said).push(message.text()),
    );
    page.on("pageerror", (error) => told.failed.push(String(error)));
    const here = code
      .replaceAll("127.0.0.1:8080", `127.0.0.1:${gateway.port}`)
      .replaceAll("mr_KEY", key);
    await page.goto((on ?? pages.origin) + pages.add(here));
    await eventually(
      `the page says ${until}: ${JSON.stringify(told)}`,
      async () => {
        await meanwhile?.();
        return until(told);
      },
      { withinMs: 20_000 },
    );
    return told;
  } finally {
    await page.close();
  }
}

type Asked = {
  gateway: CheckedGateway;
  on?: string;
  until: (run: Run) => boolean;
  meanwhile?: () => Promise<unknown>;
};

const saysMill = ({ said, failed }: Run) =>
  failed.length > 0 || said.some((text) => text.includes("mill-1"));
const fails = ({ failed }: Run) => failed.length > 0;

const store = async (gateway: CheckedGateway, headers: Record<string, string> = {}) => {
  const signals = [{ machine: "mill-1", signal: "power", time: "now", value: 412.3, unit: "W" }];
  const response = await fetch(`http://127.0.0.1:${gateway.port}/signals`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ signals }),
  });
  expect(response.status).toBe(200);
};

describe.skipIf(executablePath === undefined)("Chromium", { timeout: 60_000 }, () => {
  beforeAll(setUp, 120_000);
  afterAll(() => stack.disposeAsync());

  test("EventSource: a feed across origins, without a key", async () => {
    const { said, failed } = await run(eventSource, {
      gateway: open,
      until: saysMill,
      meanwhile: () => store(open),
    });
    expect(failed).toEqual([]);
    expect(said.join("\n")).toMatch(/^mill-1 \S+Z 412\.3$[\s\S]*dealt with everything up to \S+/m);
  });

  test.each(keyed.map((code) => [code.split("\n")[0], code]))("%s …", async (_, code) => {
    const { said, failed } = await run(code!, {
      gateway: guarded,
      until: saysMill,
      meanwhile: () => store(guarded, { "x-api-key": fixture.admin }),
    });
    expect(failed).toEqual([]);
    expect(said.join("\n")).toContain("mill-1");
    expect(said.join("\n")).not.toContain("press-1");
  });

  test("what a script needs of an answer's headers it may read, in REST and gRPC-Web", async () => {
    const method = "http://127.0.0.1:8080/millrace.v1.SignalService/ListMachines";
    const code = `
      const csv = await fetch("http://127.0.0.1:8080/signals/power?format=csv", { headers: { "x-api-key": "mr_KEY" } });
      console.log("cursor", csv.headers.get("millrace-cursor") !== null, csv.headers.get("content-disposition"));
      const body = new Uint8Array(5);
      const headers = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1", "x-user-agent": "page" };
      const web = await fetch("${method}", { method: "POST", headers, body });
      console.log("grpc-status", web.headers.get("grpc-status"), web.headers.get("grpc-message"));
      headers.authorization = "Bearer mr_KEY";
      const answer = await fetch("${method}", { method: "POST", headers, body });
      console.log("read", new TextDecoder().decode(await answer.arrayBuffer()).includes("mill-1"), "done");`;
    const { said, failed } = await run(code, {
      gateway: guarded,
      until: (told) => fails(told) || told.said.some((text) => text.includes("done")),
    });
    expect(failed).toEqual([]);
    expect(said[0]).toMatch(/^cursor true attachment; filename=/);
    expect(said[1]).toMatch(
      /^grpc-status 16 a%20credential%20is%20required|^grpc-status 16 a credential is required/,
    );
    expect(said[2]).toBe("read true done");
  });

  test("a page of an origin that was not named gets nothing", async () => {
    for (const code of [eventSource, ...keyed]) {
      const gateway = code === eventSource ? open : guarded;
      const { said, failed } = await run(code, {
        gateway,
        on: pages.otherOrigin,
        until: (told) => fails(told),
      });
      expect(failed.join()).toMatch(/blocked by CORS policy/);
      expect(said.join()).not.toContain("mill-1");
    }
  });

  test("a page whose name was made to mean this machine reads and writes nothing, though it is of the gateway's origin", async () => {
    const page = await browser.newPage();
    const rebound = `http://rebound.example:${open.port}`;
    expect((await page.goto(`${rebound}/docs`))?.status()).toBe(403);
    // As it was served while the name still resolved to another machine.
    await page.route(`${rebound}/page`, (route) =>
      route.fulfill({ contentType: "text/html", body: "<title>page</title>" }),
    );
    await page.goto(`${rebound}/page`);
    const asked = await page.evaluate(`(async () => {
      const body = JSON.stringify({ signals: [{ machine: "rebound", signal: "power", time: "now", value: 1 }] });
      const written = await fetch("/signals", { method: "POST", headers: { "content-type": "application/json" }, body });
      const method = "/millrace.v1.SignalService/ListMachines";
      const called = await fetch(method, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
      return [(await fetch("/machines")).status, written.status, called.status];
    })()`);
    expect(asked).toEqual([403, 403, 403]);
    await page.close();
    const listed = await fetch(`http://127.0.0.1:${open.port}/machines`);
    expect(await listed.text()).not.toContain("rebound");
  });

  test("nothing runs on the gateway's own pages, and nobody frames them", async () => {
    const page = await browser.newPage();
    const home = `http://127.0.0.1:${guarded.port}`;
    for (const path of ["/docs", "/healthz"]) {
      await page.goto(home + path);
      const ran = await page.evaluate(`(() => {
        const script = document.createElement("script");
        script.textContent = "globalThis.ran = true";
        document.documentElement.append(script);
        return "ran" in globalThis;
      })()`);
      expect([path, ran]).toEqual([path, false]);
    }
    const framed: string[] = [];
    page.on("console", (message) => framed.push(message.text()));
    const frame = `const frame = document.createElement("iframe"); frame.src = "${home}/docs"; document.body.append(frame);`;
    await page.goto(pages.origin + pages.add(frame));
    await eventually("the frame is refused", () =>
      framed.some((text) => text.includes("frame-ancestors")),
    );
    await page.close();
  });
});

test("the page of the documentation has its blocks", () => {
  expect(blocks.length).toBe(4);
  for (const code of keyed) expect(code).toContain("mr_KEY");
});
