// Holds the arrows of docs/architecture.md, and the rules for the names, contents and lengths of
// files.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { folders, rooms } from "../tools/boundaries/arrows.ts";
import { circlesOf, fromTopToBottom } from "../tools/boundaries/circles.ts";
import { withArrows } from "../tools/boundaries/page.ts";
import { violationsOf } from "../tools/boundaries/rules.ts";
import { isOfTests, sourceFiles, specifiersOf } from "../tools/boundaries/source-files.ts";
import { usedBetweenFiles, usedBetweenRooms, usedInside } from "../tools/boundaries/used-arrows.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = sourceFiles(root);
const architecture = readFileSync(join(root, "docs/architecture.md"), "utf8");

test("no file breaks a rule", () => {
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap(violationsOf)).toEqual([]);
});

test("no files import each other in a circle", () => {
  expect(circlesOf(usedBetweenFiles(files))).toEqual([]);
});

test("the table has every arrow that is used, and no other", () => {
  const services = Object.entries(rooms).filter(([, { to }]) => !to.includes("*"));
  const between = usedBetweenRooms(files);
  for (const [room, { to }] of services) expect(to, room).toEqual(between.get(room));
  for (const [room] of services)
    expect(folders[room], room).toEqual(Object.fromEntries(usedInside(room, files)));
});

test("no arrow of the table runs up", () => {
  const services = Object.entries(rooms).filter(([, { to }]) => !to.includes("*"));
  expect(circlesOf(new Map(services.map(([room, { to }]) => [room, to])))).toEqual([]);
  for (const [room, own] of Object.entries(folders))
    expect(circlesOf(new Map(Object.entries(own))), room).toEqual([]);
});

test("docs/architecture.md draws the table", () => {
  expect(withArrows(architecture), "run `npm run docs`").toBe(architecture);
  const drawn = Object.keys(folders).filter((room) =>
    Object.values(folders[room]!).some((to) => to.length > 0),
  );
  for (const room of ["rooms", ...drawn])
    expect(architecture).toContain(`<!-- arrows: ${room} -->`);
});

test.each<[path: string, text: string, violation: string]>([
  ["gateway/a.ts", 'import { x } from "../accessor/a.ts";', "may not import accessor/a.ts"],
  ["producer/a.ts", 'export type { X } from "../gateway/b.ts";', "may not import gateway/b.ts"],
  ["producer/a.ts", 'import {\n  x,\n} from "../accessor/a.ts";', "may not import accessor/a.ts"],
  ["client/a.ts", 'const x = await import("../accessor/a.ts");', "may not import accessor/a.ts"],
  ["gateway/a.test.ts", 'import { x } from "../accessor/a.ts";', "may not import accessor/a.ts"],
  ["codec/row/a.ts", 'import { x } from "../../gateway/b.ts";', "may not import gateway/b.ts"],
  ["access/a.ts", 'import { x } from "../runtime/log.ts";', "may not import runtime/log.ts"],
  ["client/a.ts", 'import { x } from "../producer/lag.ts";', "may not import producer/lag.ts"],
  ["accessor/feed/a.ts", 'import { x } from "../rpc/b.ts";', "may not import accessor/rpc/b.ts"],
  ["accessor/store/a.ts", 'import { x } from "../read/b.ts";', "may not import accessor/read/b.ts"],
  ["accessor/store/a.ts", 'import { x } from "../config.ts";', "may not import accessor/config.ts"],
  ["accessor/a.ts", 'import "./main.ts";', "may not import accessor/main.ts"],
  ["accessor/a.ts", 'import "../test/testing/b.ts";', "may not import test/testing/b.ts"],
  ["gateway/a.ts", 'import { x } from "./testing/b.ts";', "may not import gateway/testing/b.ts"],
  ["gateway/a.ts", 'import pg from "pg";', "may not import the package pg"],
  [
    "runtime/a.ts",
    'import { S } from "@grpc/grpc-js";',
    "may not import the package @grpc/grpc-js",
  ],
  ["accessor/a.ts", 'import { sql } from "slonik";', "may not import the package slonik"],
  ["accessor/a.ts", "const q = sql.unsafe`x`;", "accessor/store/ has every statement of SQL"],
  ["accessor/a.ts", "const x = process.env.HOME;", "runtime/config.ts reads the environment"],
  ["gateway/a.ts", "process.exit(1);", "runtime/lifecycle.ts starts and ends processes"],
  ["runtime/a.ts", "export type Batch = 1;", 'runtime/ speaks no domain word, here "Batch"'],
  ["gateway/rest/utils.ts", "", "a name that says nothing of what is inside"],
  ["gateway/a.ts", "\n".repeat(301), "301 lines, 300 are the limit"],
  ["common/a.ts", "", "in no room of the table"],
])("%s with %j breaks a rule", (path, text, violation) => {
  expect(violationsOf({ path, text })).toContain(`${path}: ${violation}`);
});

test("a comment may name what is not imported, and a test its own support", () => {
  const text = '// like import("../rpc/a.ts") and process.env';
  expect(violationsOf({ path: "accessor/feed/a.ts", text })).toEqual([]);
  const support = 'import { x } from "../../test/testing/postgres.ts";';
  expect(violationsOf({ path: "accessor/feed/a.test.ts", text: support })).toEqual([]);
});

test("a circle of files is noticed, and so is an arrow up", () => {
  const file = (path: string, target: string) => ({ path, text: `import "${target}";` });
  const circle = [
    file("client/a.ts", "./send/b.ts"),
    file("client/send/b.ts", "../c.ts"),
    file("client/c.ts", "./a.ts"),
    file("client/d.ts", "./a.ts"),
  ];
  const names = ["client/a.ts", "client/c.ts", "client/send/b.ts"];
  expect(circlesOf(usedBetweenFiles(circle))).toEqual([names]);
  expect(circlesOf(usedInside("client", circle))).toEqual([[".", "send"]]);
  expect(circlesOf(usedInside("client", circle.slice(0, 1)))).toEqual([]);
});

test("a drawing begins at the top", () => {
  const arrows = new Map([
    ["store", ["history"]],
    ["rpc", ["store", "read"]],
    ["read", ["store"]],
    ["history", []],
  ]);
  expect(fromTopToBottom(arrows)).toEqual(["rpc", "read", "store", "history"]);
});

test("what every process shares is a closed list", () => {
  const nouns = files
    .filter(({ path }) => !isOfTests(path))
    .flatMap(({ path }) => /^runtime\/([a-z\d]+\/|[^/]+\.ts$)/.exec(path)?.[1] ?? []);
  const listed = [...architecture.matchAll(/^\| (`[a-z\d-]+\/?`(?:, `[a-z\d-]+`)*) \|/gm)].flatMap(
    ([, names]) =>
      names!.split(", ").map((name) => name.replaceAll("`", "").replace(/[^/]$/, "$&.ts")),
  );
  expect([...new Set(nouns)].sort()).toEqual(listed.sort());
});

test("every import statement is seen", () => {
  for (const file of files) {
    if (!file.path.endsWith(".ts") || file.path === "test/boundaries.test.ts") continue;
    const ends = file.text.match(/(^|^} |[\w}] )(from|import) "[^"]+";$/gm) ?? [];
    const dynamic = file.text.match(/^[^"'`\n]*import\("[^"]+"\)/gm) ?? [];
    expect(specifiersOf(file), file.path).toHaveLength(ends.length + dynamic.length);
  }
});
