// A test file with effects on its whole process has a process of its own.
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
