// The view of errors in a real Chromium: live, and after another filter everything up to now.
// Skipped if no Chromium is installed.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openBrowser, openPage } from "../testing/browser.ts";
import { builtConsole } from "../testing/console-gateway.ts";
import { eventually } from "../testing/eventually.ts";
import { testDatabase } from "../testing/postgres.ts";
import { type Service, startAccessor, startGateway } from "../testing/processes.ts";

const stack = new AsyncDisposableStack();
let gateway: Service;
let browser: Browser;

async function setUp() {
  const consoleDir = await builtConsole();
  const { url } = stack.use(await testDatabase());
  const accessor = stack.use(await startAccessor(url));
  gateway = stack.use(await startGateway(accessor.url, "--console", consoleDir));
  browser = await openBrowser();
  stack.defer(() => browser.close());
}

async function report(code: string, message: string): Promise<void> {
  const row = { machine: "mill-1", signal: "error", time: "now", severity: "ERROR", code, message };
  const answer = await fetch(`${gateway.url}/signals`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ signals: [row] }),
  });
  expect(await answer.json()).toMatchObject({ accepted: 1 });
}

describe.skipIf(chromiumPath === undefined)("errors in the console", { timeout: 60_000 }, () => {
  beforeAll(setUp, 120_000);
  afterAll(() => stack.disposeAsync());

  test("live, exact by code, up to now after another filter, and a word where none match", async () => {
    await report("E1", "Door open");
    await using watched = await openPage(browser);
    const { page, problems } = watched;
    await page.goto(`${gateway.url}/errors?from=-1h`);
    const codes = () => page.locator(".errors-table tbody td:nth-child(4)").allInnerTexts();
    const shows = (what: string, ...expected: string[]) =>
      eventually(what, async () => (await codes()).join() === expected.join());
    await shows("what is stored", "E1");
    await report("E10", "Spindle hot");
    await shows("what comes, newest first", "E10", "E1");
    await page.getByLabel("Code begins with").fill("E1");
    await shows("both begin so", "E10", "E1");
    await page.getByLabel("Code begins with").fill("E10");
    await shows("one begins so", "E10");
    // These come while another filter is shown.
    await report("E1", "Door open again");
    await report("W7", "Filter clogged");
    await page.getByRole("button", { name: "Clear the filter" }).click();
    await shows("all up to now", "W7", "E1", "E10", "E1");
    await page.getByRole("button", { name: "E1", exact: true }).click();
    await shows("this code and no longer one", "E1", "E1");
    await page.getByLabel("Text in the message").fill("again");
    await shows("the text is found", "E1");
    await page.getByLabel("Text in the message").fill("nowhere");
    await page.getByText("No error in this range matches the filter.").waitFor();
    expect(problems).toEqual([]);
  });
});
