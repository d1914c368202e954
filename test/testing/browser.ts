// A real Chromium for tests, if one is installed, and pages that note whatever goes wrong on them.
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Undefined: none is installed, and the tests that need one are skipped. */
export const chromiumPath: string | undefined = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find(existsSync);

/** A container's root may not be permitted to create Chromium's sandbox. */
export const openBrowser = (args: readonly string[] = []): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath!,
    args: ["--no-sandbox", "--disable-gpu", ...args],
  });

export type WatchedPage = AsyncDisposable & {
  readonly page: Page;
  /** Exceptions, violations of the Content-Security-Policy, and errors on the page's console. */
  readonly problems: string[];
};

export type PageOptions = BrowserContextOptions & {
  /** Errors that the test causes itself, such as a gateway that is away. */
  expected?: RegExp;
};

/** A page in a context of its own: nothing is stored in it from another page. */
export async function openPage(
  browser: Browser,
  { expected, ...options }: PageOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1400, height: 900 },
    reducedMotion: "no-preference",
    ...options,
  });
  const problems: string[] = [];
  const note = (text: string) => {
    if (expected?.test(text) !== true) problems.push(text);
  };
  // Violations in workers and of styles too, which the console of the page may not show.
  await context.addInitScript(`document.addEventListener("securitypolicyviolation", (event) => {
    console.error("CSP: " + event.violatedDirective + " " + event.blockedURI);
  })`);
  const page = await context.newPage();
  page.on("pageerror", (error) => note(`exception: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() === "error") note(message.text());
  });
  return { page, problems, [Symbol.asyncDispose]: () => context.close() };
}
