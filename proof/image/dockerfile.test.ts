// The image's list of folders: everything that the services import is copied, and everything that
// is copied is in the build context.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { composedService } from "./compose-file.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => readFileSync(join(checkout, file), "utf8");

const copied = [...read("Dockerfile").matchAll(/^COPY (?!--)(.+) \S+$/gm)].flatMap(
  ([, sources = ""]) => sources.split(" "),
);
const sent = read(".dockerignore")
  .split("\n")
  .filter((line) => line.startsWith("!"))
  .map((line) => line.slice(1));

test("every source of a COPY is sent to the engine", () => {
  expect(read(".dockerignore").split("\n")).toContain("*");
  expect(copied.length).toBeGreaterThan(5);
  expect(copied.filter((source) => !sent.includes(source))).toEqual([]);
});

test("nothing is sent that no COPY takes", () => {
  expect(sent.filter((source) => !copied.includes(source))).toEqual([]);
});

test("what a program of the image imports is copied", () => {
  const programs = ["accessor", "gateway", "producer"].map((name) => composedService(name).command);
  const checks = ["accessor", "gateway"].map((name) => composedService(name).healthcheck ?? []);
  // The bridge is in the image, but no service of the compose file.
  const files = [...programs, ...checks, ["bridge/main.ts"]].map(
    (words) => words.find((word) => word.endsWith(".ts"))!,
  );
  expect(files).toHaveLength(6);
  const rooms = new Set(
    files.flatMap((file) => [...importedBy(file)]).map((file) => file.split("/")[0]!),
  );
  expect([...rooms].filter((room) => !copied.includes(room))).toEqual([]);
});

test("every flag of Node that package.json gives a service is in the image's commands", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const service of ["accessor", "gateway", "producer"]) {
    const words = scripts[service]!.split(" ").filter(
      (word) => !word.includes("=") || word.startsWith("--"),
    );
    expect(composedService(service).command.slice(0, words.length)).toEqual(words);
  }
});

/** A file and all of our files that it imports, by their paths from the checkout. */
function importedBy(entry: string): Set<string> {
  const seen = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const [, path = ""] of read(file).matchAll(/(?:^import|\bfrom) "([.#][^"\s]+\.ts)";$/gm)) {
      const target = path.startsWith("#gen/") ? path.slice(1) : join(file, "..", path);
      waiting.push(target);
    }
  }
  return seen;
}
