// The console in a real Chromium before a real accessor, gateway and producer: the first minute,
// the chart through its ranges, figures equal to REST's, an error's moment, files, and a gateway
// that restarts. Skipped if no Chromium is installed.
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openBrowser, openPage } from "../testing/browser.ts";
import { builtConsole, views } from "../testing/console-gateway.ts";
import { eventually } from "../testing/eventually.ts";
import { freePorts } from "../testing/free-ports.ts";
import { testDatabase } from "../testing/postgres.ts";
import { type Service, startAccessor, startGateway, startProducer } from "../testing/processes.ts";

const stack = new AsyncDisposableStack();
let accessor: Service;
let gateway: Service;
let browser: Browser;
let consoleDir: string;

async function setUp() {
  consoleDir = await builtConsole();
  const { url } = stack.use(await testDatabase());
  accessor = stack.use(await startAccessor(url));
  gateway = stack.use(await startGateway(accessor.url, "--console", consoleDir));
  stack.use(startProducer(accessor.url, "--machines", "3", "--seed", "1"));
  browser = await openBrowser();
  stack.defer(() => browser.close());
  await eventually("machines send", async () => {
    const { signals } = (await (await fetch(`${gateway.url}/signals/power/latest`)).json()) as {
      signals?: unknown[];
    };
    return signals?.length === 3;
  });
}

/** The text of the definition beside a term, in the card with a title. */
const figure = (page: Page, card: string, term: string) =>
  page
    .getByRole("region", { name: card, exact: true })
    .locator(`dt:text-is("${term}") + dd`)
    .innerText();

describe.skipIf(chromiumPath === undefined)("the console", { timeout: 90_000 }, () => {
  beforeAll(setUp, 120_000);
  afterAll(() => stack.disposeAsync());

  test("the first minute: the fleet is live, a tile leads to a chart, a zoom is in the address", async () => {
    await using watched = await openPage(browser);
    const { page, problems } = watched;
    await page.goto(gateway.url);
    await page.locator(".tile").nth(2).waitFor();
    await page.locator(".live-pill.live").waitFor();
    const tile = page.locator(".tile", { hasText: "mill-1" });
    const power = async () => (await tile.locator(".tile-power").innerText()).split("kW")[0];
    const before = await power();
    expect(before).toMatch(/^\d+\.\d\d $/);
    await eventually("the tile is live", async () => (await power()) !== before);

    await tile.getByRole("link").click();
    await page.waitForURL(`${gateway.url}/machines/mill-1`);
    await page.locator(".value-plot canvas").waitFor();
    await page.getByText("Time in state").waitFor();
    const plot = (await page.locator(".value-plot").boundingBox())!;
    await page.mouse.move(plot.x + plot.width / 2, plot.y + plot.height / 2);
    await page.mouse.wheel(0, -400);
    await eventually("the zoom is in the address", async () =>
      /from=\d{4}-.*&to=/.test(page.url()),
    );
    await page.locator(".crosshair-box").waitFor();
    await page.getByRole("button", { name: "Back to live" }).click();
    await eventually("it is live again", () => page.url().endsWith("?from=-15m"));
    expect(problems).toEqual([]);
  });

  test("out to a day and in to samples: the same machine, no peak lost, dots where they fit", async () => {
    // More samples than are drawn one by one, with one peak among them.
    const startMs = Date.now() - 10 * 3_600_000;
    const rows = Array.from({ length: 30_000 }, (_, at) => {
      const time = new Date(startMs + at * 1_000).toISOString();
      const value = at === 17_777 ? 9_000 : 1_000 + (at % 100);
      return JSON.stringify({ machine: "long", signal: "power", unit: "W", time, value });
    });
    const stored = await fetch(`${gateway.url}/signals`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: rows.join("\n"),
    });
    expect(await stored.json()).toMatchObject({ accepted: rows.length });
    await using watched = await openPage(browser);
    const { page, problems } = watched;
    await page.goto(`${gateway.url}/machines/long?from=-24h&table=1`);
    const caption = page.getByRole("table", { name: "power · kW" });
    await caption.locator("tbody tr").first().waitFor();
    const header = () => caption.locator("thead th").allInnerTexts();
    await eventually("it shows buckets", async () => (await header()).includes("Greatest"));
    // The peak of one second is in the bucket's greatest value, which is what the band is drawn of.
    const scale = page.locator(".answers").getByText("9.00 kW");
    await scale.first().waitFor();
    const peakMs = startMs + 17_777_000;
    const minute = [peakMs - 30_000, peakMs + 30_000].map((ms) => new Date(ms).toISOString());
    await page.goto(`${gateway.url}/machines/long?from=${minute[0]}&to=${minute[1]}&table=1`);
    await eventually("it shows samples", async () => (await header()).join() === "Time,Value");
    await eventually("the peak is one of them", async () =>
      (await caption.locator("tbody td").allInnerTexts()).includes("9"),
    );
    expect(problems).toEqual([]);
  });

  test("figures equal REST's for the same window", async () => {
    await using watched = await openPage(browser);
    const { page, problems } = watched;
    const to = new Date(Math.floor(Date.now() / 1000) * 1000 - 2_000);
    const from = new Date(to.getTime() - 8_000);
    const window = `from=${from.toISOString()}&to=${to.toISOString()}`;
    await page.goto(`${gateway.url}/machines/mill-1?${window}`);
    await page.getByRole("region", { name: "Energy", exact: true }).waitFor();
    const summary = (await (
      await fetch(`${gateway.url}/machines/mill-1/summary?${window}`)
    ).json()) as {
      energy: { energy_kwh: number; coverage: number; peak_power_w: number };
      errors: { count: number };
      transitions: number;
    };
    const { energy, transitions } = summary;
    const kwh = energy.energy_kwh.toFixed(3);
    await eventually("the page has REST's energy", async () =>
      (await figure(page, "Energy", "In view")).startsWith(kwh),
    );
    expect(await figure(page, "Energy", "Peak power")).toBe(
      `${(energy.peak_power_w / 1000).toFixed(2)} kW`,
    );
    expect(await figure(page, "Time in state", "Total")).toBe("8 s");
    expect(await figure(page, "Time in state", "Changes of state")).toBe(String(transitions));
    expect(problems).toEqual([]);
  });

  test("an error leads to its moment in the chart", async () => {
    const at = new Date(Date.now() - 5_000).toISOString();
    const row = { machine: "mill-1", signal: "error", time: at, severity: "CRITICAL" };
    const body = JSON.stringify({ signals: [{ ...row, code: "E4711", message: "spindle hot" }] });
    const headers = { "content-type": "application/json" };
    await fetch(`${gateway.url}/signals`, { method: "POST", headers, body });
    await using watched = await openPage(browser);
    const { page, problems } = watched;
    await page.goto(`${gateway.url}/errors?zone=utc&code_prefix=E4711`);
    const cells = page.locator(".errors-table tbody tr", { hasText: "spindle hot" });
    await cells.waitFor();
    expect(await cells.innerText()).toContain("Critical");
    await cells.getByRole("link").click();
    await page.waitForURL(/\/machines\/mill-1\?.*at=/);
    const box = page.locator(".crosshair-box");
    await box.waitFor();
    expect(await box.innerText()).toContain(at.slice(11, 19));
    await page.getByRole("button", { name: /E4711/ }).waitFor();
    expect(problems).toEqual([]);
  });

  test("a file with a bad line: it is listed, the others are stored, and the machine is seen", async () => {
    await using watched = await openPage(browser);
    const { page, problems } = watched;
    await page.goto(`${gateway.url}/add?tab=file&machine=from-file`);
    const minute = new Date(Date.now() - 60_000).toISOString().slice(0, 17);
    const lines = [0, 1, 2].map((second) => `${minute}0${second}Z,${20 + second}`);
    const text = ["time,temperature [°C]", ...lines, "yesterday,5", ""].join("\n");
    const file = { name: "shift.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
    await page.locator('input[type="file"]').setInputFiles(file);
    await page.getByText("CSV with 2 columns, separated by commas.").waitFor();
    await page.getByText("1 bad line").waitFor();
    await page.getByText("Waiting for the first record of from-file").waitFor();
    await page.getByRole("button", { name: "Store the rows" }).click();
    await page.getByText("3 records stored, 1 refused.").waitFor();
    await page.getByText("First record seen: from-file, temperature").waitFor();
    await page.getByRole("link", { name: "Open the machine" }).click();
    await page.getByText("temperature · °C").first().waitFor();
    expect(problems).toEqual([]);
  });

  test("a gateway that is killed and restarted: no sample is missing, and none is there twice", async () => {
    const machine = "steady";
    let sent = 0;
    const startMs = Math.floor(Date.now() / 1000) * 1000 - 5_000;
    const send = async (count: number) => {
      const signals = Array.from({ length: count }, (_, i) => ({
        machine,
        signal: "power",
        unit: "kW",
        time: new Date(startMs + (sent + i) * 100).toISOString(),
        value: sent + i,
      }));
      sent += count;
      const body = JSON.stringify({ signals });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${via.url}/signals`, { method: "POST", headers, body });
      expect(response.status).toBe(200);
    };
    // Machines send through another gateway.
    await using via = await startGateway(accessor.url);
    await send(20);
    await using watched = await openPage(browser, { expected: /Failed to load resource|net::ERR/ });
    const { page, problems } = watched;
    const flags = ["--console", consoleDir, "--listen", `127.0.0.1:${await freePort()}`];
    let shown = await startGateway(accessor.url, ...flags);
    try {
      const window = `from=${new Date(startMs).toISOString()}&to=${new Date(startMs + 19_000).toISOString()}`;
      await page.goto(`${shown.url}/machines/${machine}?${window}&table=1`);
      const values = () =>
        page
          .getByRole("table", { name: "power · kW" })
          .locator("tbody tr td:nth-child(2)")
          .allInnerTexts();
      const holds = (count: number) =>
        eventually(
          `the page holds ${count} samples`,
          async () => {
            const held = (await values()).map(Number);
            return held.length === count && held.every((value, i) => value === i);
          },
          { withinMs: 30_000 },
        );
      await holds(20);
      await send(30);
      await holds(50);
      shown.signal("SIGKILL");
      await shown.ended;
      await page.locator(".live-pill.behind").waitFor();
      await send(40);
      shown = await startGateway(accessor.url, ...flags);
      await holds(90);
      await page.locator(".live-pill.live").waitFor();
      await send(10);
      await holds(100);
    } finally {
      await shown[Symbol.asyncDispose]();
    }
    expect(problems).toEqual([]);
  });

  test("two tabs share one feed of the fleet, and a tab that nobody sees has none", async () => {
    await using watched = await openPage(browser);
    const { page } = watched;
    const open = async () => {
      const { feeds } = (await (await fetch(`${gateway.url}/status`)).json()) as {
        feeds: { open: number };
      };
      return feeds.open;
    };
    await eventually("the feeds of other tests have ended", async () => (await open()) === 0, {
      withinMs: 20_000,
    });
    await page.goto(gateway.url);
    await page.locator(".tile").first().waitFor();
    const second = await page.context().newPage();
    await second.goto(gateway.url);
    await second.locator(".tile").first().waitFor();
    await eventually("one feed serves both", async () => (await open()) === 1);
    await page.close();
    await second.goto("about:blank");
    await eventually("no feed is left", async () => (await open()) === 0, { withinMs: 20_000 });
  });

  test.each(["light", "dark"] as const)(
    "every view: no violation that axe finds, none of the policy, none of the width of a phone (%s)",
    async (colorScheme) => {
      const viewport = { width: colorScheme === "dark" ? 390 : 1280, height: 844 };
      await using watched = await openPage(browser, { colorScheme, viewport });
      const { page, problems } = watched;
      for (const [name, path] of Object.entries(views("mill-1"))) {
        await page.goto(gateway.url + path);
        await page.locator("main h1").first().waitFor();
        await eventually(
          "it has loaded",
          async () => !(await page.locator("main").innerText()).includes("Loading"),
        );
        const axe = new AxeBuilder({ page }).setLegacyMode().exclude("tbody tr:nth-child(n+4)");
        // What depends on colours and on the width; the rest is the same as in light.
        if (colorScheme === "dark")
          axe.withRules(["color-contrast", "scrollable-region-focusable"]);
        const { violations } = await axe.analyze();
        const found = violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
        );
        expect([name, found]).toEqual([name, []]);
        const over = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        expect([name, over]).toEqual([name, 0]);
        expect([name, problems]).toEqual([name, []]);
      }
    },
  );
});

async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!;
}
