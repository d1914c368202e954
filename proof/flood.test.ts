// A small flood: fifty of each hostile client at once, and the service that a good one gets
// meanwhile. The large one is flood.ts.
import { expect, test } from "vitest";
import { eventually } from "../test/testing/eventually.ts";
import { testDatabase } from "../test/testing/postgres.ts";
import { startAccessor, startGateway, startProgram } from "../test/testing/processes.ts";
import { usageOf } from "./usage.ts";

test("beside hostile clients of every kind a good one gets all its answers, and nothing is left of them", async () => {
  await using database = await testDatabase();
  await using accessor = await startAccessor(database.url);
  await using gateway = await startGateway(accessor.url, "--limit-loopback");
  const ask = async () =>
    (await fetch(`${gateway.url}/signals`, { signal: AbortSignal.timeout(20_000) })).status;
  expect(await ask()).toBe(200);
  const before = usageOf(gateway.pid)!.fds;
  {
    await using hostile = startProgram("proof/flooding.ts", [
      "--port",
      String(gateway.port),
      "--scale",
      "0.02",
    ]);
    const kinds = [
      "rapid reset",
      "continuation",
      "ping",
      "settings",
      "large headers",
      "bomb to REST",
    ];
    await eventually("every kind was turned away", async () => {
      expect(await ask()).toBe(200);
      return kinds.every((kind) => hostile.lines.at(-1)?.includes(`"${kind}"`));
    });
  }
  await eventually("their connections are gone", () => usageOf(gateway.pid)!.fds <= before + 5);
  expect(usageOf(gateway.pid)!.rssKb).toBeLessThan(768 * 1_024);
  expect(await ask()).toBe(200);
  expect(
    [...gateway.lines, ...accessor.lines].filter((line) => /unhandled|uncaught/i.test(line)),
  ).toEqual([]);
}, 60_000);
