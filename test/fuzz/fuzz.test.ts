// A short run of the fuzzer with a fixed seed; the long one is `npm run fuzz`.
import { expect, test } from "vitest";
import { testDatabase } from "../support/postgres.ts";
import { startAccessor, startGateway } from "../support/processes.ts";
import { runFuzz } from "./run.ts";

test("2,000 hostile inputs end no process, leave good clients served, and are never blamed on the server", async () => {
  await using database = await testDatabase();
  await using accessor = await startAccessor(database.url);
  await using gateway = await startGateway(accessor.url);
  const report = await runFuzz({ accessor, gateway, inputs: 2_000, seed: 20_261_123 });
  expect(report.faults).toEqual([]);
  // The inputs did reach handlers: some were right, some were refused for what they said.
  expect(report.endings.get("grpc 0")).toBeGreaterThan(50);
  expect(report.endings.get("grpc 3")).toBeGreaterThan(50);
  expect([...accessor.lines, ...gateway.lines].filter((line) => /unhandled|uncaught/i.test(line))).toEqual([]);
}, 60_000);
