// npm run proofs:console: measures the console against a stack of its own, in Debian's Chromium.
//   --machines N   how many machines are simulated for the long watch (default 100)
//   --minutes M    how long the fleet is watched (default 10)
//   --part NAME    only "first" (first charts), "live" (main thread) or "watch" (the long watch)
// Prints a line for each figure, and ends with 1 if one exceeds its bound.
import { existsSync, readdirSync, statSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { eventually } from "../../test/testing/eventually.ts";
import { freePorts } from "../../test/testing/free-ports.ts";
import { startProgram } from "../../test/testing/processes.ts";
import { collectedHeap, forget, observed, observers, readMetrics } from "./measure.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const value = (flag: string, fallback: number) => {
  const at = process.argv.indexOf(flag);
  return at === -1 ? fallback : Number(process.argv[at + 1]);
};
const partAt = process.argv.indexOf("--part");
const part = partAt === -1 ? undefined : process.argv[partAt + 1];
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (executablePath === undefined) throw new Error("this needs Debian's chromium");
const say = (text: string) => console.log(text);
let failed = 0;
/** bound: the figure must not exceed it. */
const figure = (
  name: string,
  amount: number,
  { bound, unit, digits = 1 }: { bound: number; unit: string; digits?: number },
) => {
  const isGood = amount <= bound;
  if (!isGood) failed += 1;
  say(`${isGood ? "ok  " : "OVER"} ${name}: ${amount.toFixed(digits)} ${unit} (at most ${bound})`);
};

/** Runs with a stack of so many machines. */
async function withStack(
  machines: number,
  run: (url: string, startedMs: number) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "millrace-console-"));
  // Under root, PostgreSQL runs as another user, who must reach its data.
  await chmod(dataDir, 0o755);
  const [httpPort, grpcPort] = await freePorts(2);
  const startedMs = performance.now();
  const flags = ["--http-port", `${httpPort}`, "--grpc-port", `${grpcPort}`, "--quiet"];
  const program = startProgram("local/main.ts", [
    ...["--data-dir", join(dataDir, "data"), "--machines", `${machines}`],
    ...flags,
  ]);
  try {
    const url = `http://127.0.0.1:${httpPort}`;
    await eventually(
      "all machines send",
      async () => {
        const answer = await fetch(`${url}/signals/power/latest`).catch(() => undefined);
        const body = (await answer?.json()) as { signals?: unknown[] } | undefined;
        return body?.signals?.length === machines;
      },
      { withinMs: 120_000 },
    );
    await run(url, startedMs);
  } catch (error) {
    say(program.lines.slice(-20).join("\n"));
    throw error;
  } finally {
    await program[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function openPage(browser: Browser) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 } });
  await context.addInitScript(observers);
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable");
  return { context, page, session };
}

/** First load: bytes on the wire, and the time until a chart is drawn. */
async function firstLoad(browser: Browser, url: string): Promise<void> {
  const { context, page, session } = await openPage(browser);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto(url);
  await page.locator(".tile .sparkline").first().waitFor();
  await context.close();
  // The live worker loads apart from the page.
  const worker = readdirSync(join(checkout, "console/dist/assets")).find((name) =>
    /^worker-.*\.js\.gz$/.test(name),
  )!;
  bytes += statSync(join(checkout, "console/dist/assets", worker)).size;
  figure("first load of /, as it comes over the wire", bytes / 1_000, { bound: 150, unit: "kB" });
  const views = [
    { path: "/", shown: ".tile .sparkline", name: "the first tile with its line" },
    { path: "/machines/mill-1", shown: ".value-plot canvas", name: "a machine's chart" },
    { path: "/machines/mill-1", shown: ".answers .state-bar", name: "a machine's figures" },
  ];
  for (const { path, shown, name } of views) {
    const first: number[] = [];
    for (let visit = 0; visit < 5; visit++) {
      const opened = await openPage(browser);
      first.push(await shownAfterMs(opened.page, { address: `${url}${path}`, shown }));
      await opened.context.close();
    }
    const bound = { bound: 1_000, unit: "ms" };
    figure(`first visit to ${name}, median of 5`, median(first), bound);
    const again: number[] = [];
    const opened = await openPage(browser);
    for (let visit = 0; visit < 6; visit++) {
      const tookMs = await shownAfterMs(opened.page, { address: `${url}${path}`, shown });
      if (visit > 0) again.push(tookMs);
    }
    await opened.context.close();
    figure(`later visit to ${name}, median of 5`, median(again), bound);
  }
}

const median = (figures: readonly number[]) =>
  figures.toSorted((a, b) => a - b)[figures.length >> 1]!;

async function shownAfterMs(
  page: Page,
  { address, shown }: { address: string; shown: string },
): Promise<number> {
  await page.goto("about:blank");
  const beganMs = performance.now();
  await page.goto(address, { waitUntil: "commit" });
  await page.locator(shown).first().waitFor();
  return performance.now() - beganMs;
}

/** The main thread while a view is live for some seconds. */
async function liveFor(
  browser: Browser,
  { url, seconds, name }: { url: string; seconds: number; name: string },
): Promise<void> {
  const { context, page, session } = await openPage(browser);
  await page.goto(url);
  await page.locator(".tile, .value-plot canvas").first().waitFor();
  await page.waitForTimeout(5_000);
  await forget(page);
  const before = await readMetrics(session);
  await page.waitForTimeout(seconds * 1_000);
  const after = await readMetrics(session);
  const share = (after.busySeconds - before.busySeconds) / (after.atSeconds - before.atSeconds);
  const { longestTaskMs, layoutShift } = await observed(page);
  figure(`${name}: main thread busy`, share * 100, { bound: 50, unit: "%" });
  figure(`${name}: longest task`, longestTaskMs, { bound: 100, unit: "ms" });
  figure(`${name}: layout shift`, layoutShift, {
    bound: 0.002,
    unit: "",
    digits: 4,
  });
  await context.close();
}

/** A long watch of the fleet: interactions stay quick, and the heap stays flat. */
async function longWatch(
  browser: Browser,
  { url, minutes }: { url: string; minutes: number },
): Promise<void> {
  const { context, page, session } = await openPage(browser);
  await page.goto(url);
  await page.locator(".tile").first().waitFor();
  await page.waitForTimeout(20_000);
  await forget(page);
  const first = await collectedHeap(session);
  const untilMs = performance.now() + minutes * 60_000;
  const filter = page.getByRole("searchbox");
  while (performance.now() < untilMs) {
    await filter.pressSequentially("mill", { delay: 200 });
    await page.waitForTimeout(5_000);
    await filter.press("Control+A");
    await filter.press("Delete");
    await page.waitForTimeout(10_000);
  }
  const last = await collectedHeap(session);
  const { interactionMs, longestInteractionMs, interactions, layoutShift } = await observed(page);
  figure(`${minutes} min: interaction to next paint`, interactionMs, { bound: 200, unit: "ms" });
  say(`     the longest of ${interactions} interactions: ${longestInteractionMs} ms`);
  // Nothing of it follows an input: what a filter moves is no shift.
  figure(`${minutes} min: layout shift`, layoutShift, { bound: 0.02, unit: "", digits: 4 });
  figure(`${minutes} min: growth of the heap`, (last - first) / 1e6, { bound: 3, unit: "MB" });
  say(`     heap ${(first / 1e6).toFixed(1)} MB, then ${(last / 1e6).toFixed(1)} MB`);
  await context.close();
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  if (part === undefined || part === "first")
    await withStack(5, async (url, startedMs) => {
      const { context, page } = await openPage(browser);
      await page.goto(url);
      await page.locator(".tile .sparkline").first().waitFor();
      figure("npm start to the first live chart", (performance.now() - startedMs) / 1_000, {
        bound: 60,
        unit: "s",
      });
      await context.close();
      await firstLoad(browser, url);
    });
  if (part === undefined || part === "live")
    await withStack(20, async (url) => {
      await liveFor(browser, { url, seconds: 60, name: "fleet of 20" });
      await liveFor(browser, {
        url: `${url}/machines/mill-1?from=-10s`,
        seconds: 60,
        name: "one machine at 100 Hz, 20 live",
      });
    });
  if (part === undefined || part === "watch")
    await withStack(value("--machines", 100), (url) =>
      longWatch(browser, { url, minutes: value("--minutes", 10) }),
    );
} finally {
  await browser.close();
}
process.exitCode = failed === 0 ? 0 : 1;
