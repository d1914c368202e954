// The console while the accessor is away for 20 s, in a real Chromium. Skipped if none is
// installed.
import { describe, expect, test } from "vitest";
import { chromiumPath, openBrowser, openPage } from "../testing/browser.ts";
import { builtConsole } from "../testing/console-gateway.ts";
import { eventually } from "../testing/eventually.ts";
import { testDatabase } from "../testing/postgres.ts";
import { startAccessor, startGateway, startProducer } from "../testing/processes.ts";

describe.skipIf(chromiumPath === undefined)(
  "an accessor that is away",
  { timeout: 120_000 },
  () => {
    test("the page keeps what it has, says that it is behind and who is silent, and goes on", async () => {
      await using stack = new AsyncDisposableStack();
      const dir = await builtConsole();
      const { url } = stack.use(await testDatabase());
      let own = await startAccessor(url);
      stack.defer(() => own[Symbol.asyncDispose]());
      const via = stack.use(await startGateway(own.url, "--console", dir));
      stack.use(startProducer(own.url, "--machines", "2"));
      const chromium = await openBrowser();
      stack.defer(() => chromium.close());
      const expected = /Failed to load resource|net::ERR/;
      await using watched = await openPage(chromium, { expected });
      const { page, problems } = watched;
      await page.goto(via.url);
      await page.locator(".tile").nth(1).waitFor();
      own.signal("SIGKILL");
      await own.ended;
      const awayMs = performance.now();
      await page.locator(".live-pill.behind").waitFor();
      await page.getByText("no data since").nth(1).waitFor();
      await eventually("it is away for 20 s", () => performance.now() - awayMs > 20_000, {
        withinMs: 25_000,
      });
      expect(await page.locator(".tile").count()).toBe(2);
      own = await startAccessor(url, { port: own.port });
      await page.locator(".live-pill.live").waitFor();
      await eventually(
        "both machines are seen again",
        async () => (await page.getByText("no data since").count()) === 0,
        { withinMs: 30_000 },
      );
      expect(problems).toEqual([]);
    });
  },
);
