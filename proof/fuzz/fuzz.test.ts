// A short run of the fuzzer with a fixed seed; the long one is `npm run fuzz`.
import { expect, test } from "vitest";
import { testDatabase } from "../../test/testing/postgres.ts";
import { runFuzz } from "./run.ts";
import { startServices } from "./services.ts";

// CI's machines are slow: an input that holds the loop this long there does so on any machine.
const bounds = { maxHeldMs: 150, maxGrownMib: 96 };

test("800 hostile inputs end no process, leave good clients served, cost little, and are never blamed on the server", async () => {
  await using database = await testDatabase();
  await using services = await startServices(database.url, { keys: false });
  const { accessor, gateway } = services;
  const report = await runFuzz({
    ...services,
    inputs: 800,
    seed: 20_261_123,
    bounds,
    maxSearches: 2,
  });
  expect(report.faults).toEqual([]);
  expect(report.dear).toEqual([]);
  // The inputs did reach handlers: some were valid, some were refused for their content or their
  // cost.
  expect(report.endings.get("grpc 0")).toBeGreaterThan(10);
  expect(report.endings.get("grpc 3")).toBeGreaterThan(20);
  expect(report.endings.get("grpc 8")).toBeGreaterThan(4);
  expect(
    [...accessor.lines, ...gateway.lines].filter((line) => /unhandled|uncaught/i.test(line)),
  ).toEqual([]);
}, 120_000);

test("nor do inputs with no credential or a narrow one, where keys are asked for", async () => {
  await using database = await testDatabase();
  await using services = await startServices(database.url, { keys: true });
  const report = await runFuzz({
    ...services,
    inputs: 250,
    seed: 20_261_128,
    bounds,
    maxSearches: 1,
  });
  expect(report.faults).toEqual([]);
  expect(report.dear).toEqual([]);
  expect(report.endings.get("grpc 16")).toBeGreaterThan(7);
}, 120_000);
