// The console where authentication is on: nothing without a key, and only the key's machines with
// one. And an accessor that is away for a while. Skipped if no Chromium is installed.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openCheckedGateway } from "../../gateway/testing/gateway.ts";
import { type Fixture, openFixture } from "../testing/access.ts";
import { chromiumPath, openBrowser, openPage } from "../testing/browser.ts";
import { builtConsole } from "../testing/console-gateway.ts";
import { eventually } from "../testing/eventually.ts";

const stack = new AsyncDisposableStack();
let fixture: Fixture;
let browser: Browser;
let url: string;

describe.skipIf(chromiumPath === undefined)(
  "a console that asks for a key",
  {
    timeout: 60_000,
  },
  () => {
    beforeAll(async () => {
      const consoleDir = await builtConsole();
      fixture = stack.use(await openFixture());
      const { accessorUrl } = fixture;
      const gateway = stack.use(await openCheckedGateway({ accessorUrl, consoleDir }));
      url = `http://127.0.0.1:${gateway.port}`;
      browser = await openBrowser();
      stack.defer(() => browser.close());
    }, 120_000);
    afterAll(() => stack.disposeAsync());

    test("it asks for one, refuses a wrong one, and shows the machines of a right one only", async () => {
      const key = await fixture.keys.create({ scope: ["read", "live"], machine: ["mill-*"] });
      await using watched = await openPage(browser, { expected: /status of 401/ });
      const { page, problems } = watched;
      await page.goto(url);
      const field = page.getByLabel("API key");
      await field.fill("mr_wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("The key is not valid").waitFor();
      await eventually("the key is known", async () => {
        const headers = { authorization: `Bearer ${key}` };
        return (await fetch(`${url}/machines`, { headers })).ok;
      });
      await field.fill(key);
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.locator(".tile").nth(1).waitFor();
      const names = await page.locator(".tile h2").allInnerTexts();
      expect(names.sort()).toEqual(["mill-1", "mill-2"]);
      expect(page.url()).not.toContain(key);

      // The status shows all machines together: this key may not see it, and the page says why.
      await page.getByRole("link", { name: "System" }).click();
      await page.getByText("the credential covers only some").waitFor();

      // Kept for the session of this tab, and for no other.
      await page.reload();
      await page.getByText("the credential covers only some").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("API key").waitFor();
      expect(problems.filter((text) => !/status of 403/.test(text))).toEqual([]);
    });
  },
);
