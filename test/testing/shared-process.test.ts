// A test file with effects on its whole process has a process of its own.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { needsOwnProcess } from "./shared-process.ts";

const importing = (module: string) => `import { x } from "${module}";`;

test.each([
  ...["node:child_process", "node:worker_threads", "node:v8", "./testing/processes.ts"].map(
    importing,
  ),
  "vi.useFakeTimers();",
  'process.env["MILLRACE_LOG_LEVEL"] = "debug";',
  "process.umask(0o022);",
  "const beganMs = performance.now();",
  "globalThis.gc?.();",
  "setMaxListeners(50);",
])("%s", (line) => {
  expect(needsOwnProcess(line)).toBe(true);
});

test("what computes, or closes what it opens, needs none", () => {
  const imports = ["node:buffer", "node:http", "../testing/accessor.ts"].map(importing);
  const text = [
    ...imports,
    'test("a reprocessed value", () => expect(reopen(1)).toBe(1));',
    "await using database = await testDatabase();",
  ].join("\n");
  expect(needsOwnProcess(text)).toBe(false);
});

// A module is loaded once for all files of a process: its hook would run after the first file only.
const hookOfModule = /^(before|after)(All|Each)\(/m;

test("no module that test files share registers a hook while it is loaded", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const modules = ["access", "accessor", "client", "codec", "gateway", "local", "producer"]
    .concat(["proof", "runtime", "test", "tools"])
    .flatMap((room) =>
      readdirSync(root + room, { recursive: true, encoding: "utf8" }).map(
        (name) => `${room}/${name}`,
      ),
    )
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));
  expect(modules.length).toBeGreaterThan(500);
  expect(modules.filter((path) => hookOfModule.test(readFileSync(root + path, "utf8")))).toEqual(
    [],
  );
  expect("let data;\nafterAll(() => data.close());").toMatch(hookOfModule);
});
