// npm run console:pictures: screenshots of every view of the console into docs/console, from a
// running gateway (default that of npm start): light, dark, and as wide as a phone.
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const gateway = process.argv[2] ?? "http://127.0.0.1:8080";
const folder = fileURLToPath(new URL("../docs/console/", import.meta.url));
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);
if (executablePath === undefined) throw new Error("this needs Debian's chromium");

/** Each with a selector of what must be there, and enough time for a chart to fill. */
const views = {
  fleet: ["/", ".tile"],
  machine: ["/machines/mill-1?from=-2m", ".answers .state-bar"],
  errors: ["/errors?from=-1h", ".errors-table tbody tr"],
  energy: ["/energy?price=0.32", ".stacked-bars .bar-value"],
  compare: ["/compare?machine=mill-1&machine=saw-5&from=-1m", ".compare-table tbody tr"],
  add: ["/add", ".code-block"],
  system: ["/system", ".system-cards"],
} as const;
const looks = {
  light: { colorScheme: "light", viewport: { width: 1400, height: 860 } },
  dark: { colorScheme: "dark", viewport: { width: 1400, height: 860 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
} as const;

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  for (const [look, options] of Object.entries(looks)) {
    const context = await browser.newContext({ ...options, timezoneId: "Europe/Berlin" });
    const page = await context.newPage();
    for (const [view, [path, shown]] of Object.entries(views)) {
      await page.goto(gateway + path);
      await page.locator(shown).first().waitFor();
      // Sparklines and charts are drawn in the next frames.
      await page.waitForTimeout(1_500);
      await page.screenshot({ path: `${folder}${view}-${look}.png` });
      console.log(`docs/console/${view}-${look}.png`);
    }
    await context.close();
  }
} finally {
  await browser.close();
}
