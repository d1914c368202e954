// The reference page in a real Chromium, on a phone and on a desk: nothing exceeds the edge.
// Skipped if none is installed.
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

const executablePath = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find(existsSync);

describe.skipIf(executablePath === undefined)("the reference page", () => {
  let gateway: TestGateway;
  let browser: Browser;
  beforeAll(async () => {
    gateway = await openTestGateway();
    browser = await chromium.launch({ executablePath: executablePath!, args: ["--no-sandbox"] });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await gateway?.[Symbol.asyncDispose]();
  });

  test.each([320, 390, 768, 1280])(
    "%i pixels wide: all tables are as wide as what they are in",
    async (width) => {
      const page = await browser.newPage({ viewport: { width, height: 844 } });
      await page.goto(`http://127.0.0.1:${gateway.port}/docs`);
      // As a text: it runs in the page.
      const measured = (await page.evaluate(`({
      page: document.documentElement.scrollWidth,
      tables: [...document.querySelectorAll("table")].map(({ offsetWidth, parentElement }) => offsetWidth - parentElement.clientWidth),
      cells: [...document.querySelectorAll("td")].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length,
    })`)) as { page: number; tables: number[]; cells: number };
      await page.close();
      expect(measured.page).toBe(width);
      expect(measured.tables.length).toBeGreaterThan(20);
      expect(measured.tables.filter((over) => over > 0)).toEqual([]);
      expect(measured.cells).toBe(0);
    },
  );
});
