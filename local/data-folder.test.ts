// openDataFolder on real folders: which are taken, which are refused, and that a refused one stays
// as it was.
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataFolder } from "./data-folder.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-data-"));
  await chmod(folder, 0o755);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fill(names: readonly string[]): Promise<void> {
  for (const name of names) {
    if (name.includes("/")) await mkdir(join(folder, name, ".."), { recursive: true });
    if (name.endsWith("/")) await mkdir(join(folder, name), { recursive: true });
    else await writeFile(join(folder, name), "x");
  }
}

test.each([
  ["nothing", []],
  ["a file system of its own", ["lost+found/"]],
  ["what a killed first start left", ["new-123/", "password"]],
  ["a spool of a start on another PostgreSQL", ["producer/", "simulator-key"]],
  ["data of the first version", ["postgres/PG_VERSION", "password", "owner"]],
  [
    "data, and what people put beside it",
    ["postgres/PG_VERSION", "password", "notes.txt", "backup/"],
  ],
])("a folder with %s is taken, and nothing is added", async (_, names) => {
  await fill(names);
  const before = await readdir(folder, { recursive: true });
  await openDataFolder(folder);
  expect(await readdir(folder, { recursive: true })).toEqual(before);
});

test("a folder that is not there is made", async () => {
  await openDataFolder(join(folder, "a", "b"));
  expect((await stat(join(folder, "a", "b"))).isDirectory()).toBe(true);
});

test.each([
  ["documents", ["api.md", "security.md"], "api.md, security.md"],
  ["a folder that is only called postgres", ["postgres/notes.txt"], "postgres"],
  ["many things", ["a", "b", "c", "d", "new-1/"], "a, b, c, …"],
  ["a hidden file", [".git/"], ".git"],
])("a folder with %s is refused and stays as it is", async (_, names, said) => {
  await fill(names);
  const before = await readdir(folder, { recursive: true });
  await expect(openDataFolder(folder)).rejects.toThrow(
    `holds other things than data of Millrace (${said}): choose an empty or a new folder with --data-dir`,
  );
  expect(await readdir(folder, { recursive: true })).toEqual(before);
  expect((await stat(folder)).mode & 0o777).toBe(0o755);
});

test.each(["/proc/x", "/proc/x/y", "/dev/null", "/dev/null/x", "/sys"])(
  "%s can't be written, which is said at once",
  async (path) => {
    await expect(openDataFolder(path)).rejects.toThrow(
      /data folder \S+ can't be used: E\w+.*--data-dir$|holds other things/,
    );
  },
);
