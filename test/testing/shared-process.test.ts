// A test file whose effects could outlast it has a process of its own.
import { expect, test } from "vitest";
import { needsOwnProcess } from "./shared-process.ts";

const importing = (module: string) => `import { x } from "${module}";`;

test.each([
  ...[
    "node:http",
    "node:timers/promises",
    "node:fs",
    "../../test/testing/eventually.ts",
    "../testing/accessor.ts",
  ].map(importing),
  "vi.useFakeTimers();",
  'process.env["MILLRACE_LOG_LEVEL"] = "debug";',
  "const beganMs = performance.now();",
  "await using database = await testDatabase();",
  "await using server = await openGrpcServer({ port: 0 });",
  'const answer = await fetch("http://127.0.0.1:1");',
])("%s", (line) => {
  expect(needsOwnProcess(line)).toBe(true);
});

test("what only computes needs none", () => {
  const imports = ["node:buffer", "fast-check", "./encode.ts"].map(importing);
  const text = [...imports, 'test("a reprocessed value", () => expect(reopen(1)).toBe(1));'].join(
    "\n",
  );
  expect(needsOwnProcess(text)).toBe(false);
});
