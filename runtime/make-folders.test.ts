// makeFolders on real file systems: what mkdir can do, and where Node's own way never ends.
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolders } from "./make-folders.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-folders-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("makes what is missing, and says which was the first", async () => {
  const path = join(folder, "a", "b", "c");
  expect(await makeFolders(path, { mode: 0o700 })).toBe(join(folder, "a"));
  expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect(await makeFolders(path)).toBeUndefined();
  const both = await Promise.all([
    makeFolders(join(folder, "x", "y")),
    makeFolders(join(folder, "x", "y")),
  ]);
  expect(both.filter((one) => one === join(folder, "x"))).toHaveLength(1);
});

test.each([
  ["/proc/none", /ENOENT/],
  ["/proc/none/below", /ENOENT/],
  ["/proc/self/none", /ENOENT/],
  ["/dev/null/below", /ENOTDIR/],
])("%s fails at once", async (path, error) => {
  await expect(makeFolders(path)).rejects.toThrow(error);
});

test("a file is no folder", async () => {
  await writeFile(join(folder, "file"), "");
  for (const path of ["file", "file/below"])
    await expect(makeFolders(join(folder, path))).rejects.toThrow(/ENOTDIR/);
});
