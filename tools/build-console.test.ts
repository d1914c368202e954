// The console is built whole, readable by other accounts, and only if its sources have changed.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOfConsole } from "./console-sources.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-build-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const build = async () => {
  const args = [join(root, "tools/build-console.ts"), "--out", join(folder, "dist")];
  return (await promisify(execFile)(process.execPath, args)).stdout;
};

test("a build leaves a console and nothing else, and the next one has nothing to do", {
  timeout: 60_000,
}, async () => {
  // What a build that was killed long ago left, and what one that runs is writing.
  await mkdir(join(folder, "dist.building-old/assets"), { recursive: true });
  await utimes(join(folder, "dist.building-old"), 1_000, 1_000);
  await mkdir(join(folder, "dist.building-new"));
  expect(await build()).toMatch(/^Building the console …\nBuilt the console in \d+\.\d s\.\n$/);
  expect((await readdir(folder)).sort()).toEqual(["dist", "dist.building-new"]);
  // As in an image, where root builds and another account serves.
  expect((await stat(join(folder, "dist"))).mode & 0o777).toBe(0o755);

  const assets = await readdir(join(folder, "dist/assets"));
  const page = await readFile(join(folder, "dist/index.html"), "utf8");
  const named = [...page.matchAll(/(?:src|href)="\/assets\/([^"]+)"/g)].map(([, name]) => name!);
  expect(named.length).toBeGreaterThan(1);
  for (const name of named) expect(assets).toContain(name);
  const main = named.find((name) => name.endsWith(".js"))!;
  expect(assets).toEqual(expect.arrayContaining([`${main}.br`, `${main}.gz`]));
  // The policy lets neither run.
  expect(page).not.toMatch(/<script>|<style|style=| on\w+=|data:/);
  expect(await build()).toBe("The console is built already.\n");
});

test("what is built, or being built, is no source of it", async () => {
  const copy = join(folder, "checkout");
  for (const room of ["console/parts", "client", "codec", "runtime", "gen/browser"])
    await mkdir(join(copy, room), { recursive: true });
  const write = (path: string, content: string) => writeFile(join(copy, path), content);
  await write("package-lock.json", "{}");
  await write("console/main.ts", "1");
  const digest = digestOfConsole(copy);
  for (const built of ["dist", "dist.building-a1b2"]) {
    await mkdir(join(copy, "console", built));
    await write(`console/${built}/index.html`, "2");
  }
  await write("console/parts/card.test.ts", "2");
  expect(digestOfConsole(copy)).toBe(digest);
  for (const path of ["console/main.ts", "codec/row.ts", "package-lock.json"]) {
    const before = digestOfConsole(copy);
    await write(path, "3");
    expect([path, digestOfConsole(copy) === before]).toEqual([path, false]);
  }
});
