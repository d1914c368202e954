// Processes that replace one folder at the same time leave a whole one, and nothing else.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const module = JSON.stringify(new URL("replace-folder.ts", import.meta.url).href);
const program = (name: string, times: number) => `
import { mkdirSync, writeFileSync } from "node:fs";
import { replaceFolder } from ${module};
for (let i = 0; i < ${times}; i++) {
  const folder = "dist.building-${name}" + i;
  mkdirSync(folder + "/assets", { recursive: true });
  for (const file of ["index.html", "assets/main.js"]) writeFileSync(folder + "/" + file, "${name}" + i);
  replaceFolder("dist", folder);
}`;

test("three processes at once", { timeout: 30_000 }, async () => {
  const cwd = await mkdtemp(join(tmpdir(), "millrace-replace-"));
  try {
    const replace = async (name: string) =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", program(name, 200)], {
        cwd,
      });
    await Promise.all(["a", "b", "c"].map(replace));
    expect(await readdir(cwd)).toEqual(["dist"]);
    const page = await readFile(join(cwd, "dist/index.html"), "utf8");
    expect(page).toMatch(/^[abc]199$/);
    expect(await readFile(join(cwd, "dist/assets/main.js"), "utf8")).toBe(page);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});
