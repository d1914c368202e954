// Display names and labels in the console, in a real Chromium: titles, and tiles filtered by label.
// Skipped if no Chromium is installed.
import { AxeBuilder } from "@axe-core/playwright";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor } from "../../accessor/testing/accessor.ts";
import { column } from "../../accessor/testing/batches.ts";
import { openCheckedGateway } from "../../gateway/testing/gateway.ts";
import { chromiumPath, openBrowser, openPage } from "../testing/browser.ts";
import { builtConsole } from "../testing/console-gateway.ts";
import { eventually } from "../testing/eventually.ts";

const stack = new AsyncDisposableStack();
let browser: Browser;
let url: string;

async function setUp() {
  const consoleDir = await builtConsole();
  const accessor = stack.use(await openTestAccessor({ bookmarkIntervalMs: 100 }));
  const accessorUrl = `http://127.0.0.1:${accessor.port}`;
  const gateway = stack.use(await openCheckedGateway({ accessorUrl, consoleDir }));
  url = `http://127.0.0.1:${gateway.port}`;
  for (const [i, machine] of ["mill-1", "mill-2", "press-1"].entries()) {
    const time = timestampFromMs(Date.now() - 1_000);
    const samples = [column("power", [[Date.now() * 1000 - 1e6, 500]])];
    const batch = { machine, samples, stateChanges: [{ time, state: MachineState.ACTIVE }] };
    await accessor.ingest.ingestBatch({ producerId: "p", sequence: BigInt(i + 1), batch });
  }
  const lines = { "mill-1": "3", "mill-2": "10", "press-1": "3" };
  for (const [machine, line] of Object.entries(lines))
    await accessor.machines.updateMachine({ machine, labels: { line } });
  await accessor.machines.updateMachine({ machine: "press-1", displayName: "Große Presse" });
  // Described, but it has sent nothing: no tile.
  await accessor.machines.updateMachine({ machine: "lathe-1", labels: { line: "3" } });
  browser = await openBrowser();
  stack.defer(() => browser.close());
}

describe.skipIf(chromiumPath === undefined)("labels in the console", { timeout: 60_000 }, () => {
  beforeAll(setUp, 120_000);
  afterAll(() => stack.disposeAsync());

  test("tiles have display names, and are filtered by label and by either name", async () => {
    await using watched = await openPage(browser);
    const { page, problems } = watched;
    await page.goto(url);
    await page.locator(".tile").nth(2).waitFor();
    const seen = async () => (await page.locator(".tile h2:visible").allInnerTexts()).sort();
    await eventually("the name is there", async () => (await seen()).length === 3);
    await page.getByText("Große Presse").waitFor();
    expect(await seen()).toEqual(["Große Presse press-1", "mill-1", "mill-2"]);

    await page.getByLabel("Filter by line").selectOption("line: 3");
    await eventually("two are left", async () => (await seen()).length === 2);
    expect(await seen()).toEqual(["Große Presse press-1", "mill-1"]);
    await eventually("the address has it", () => page.url().endsWith("?label=line:3"));
    await page.getByLabel("Filter by name").fill("große");
    await eventually("one is left", async () => (await seen()).length === 1);
    const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);

    await page.locator(".tile:visible").getByRole("link").click();
    await page.getByRole("heading", { level: 1, name: "Große Presse" }).waitFor();
    await page.locator(".machine-name", { hasText: "press-1" }).waitFor();
    await page.locator(".machine-label", { hasText: "line: 3" }).waitFor();
    expect(problems).toEqual([]);

    // The address alone is the view.
    await page.goto(`${url}/?label=line:10`);
    await eventually("one is left", async () => (await seen()).join() === "mill-2");
  });
});
