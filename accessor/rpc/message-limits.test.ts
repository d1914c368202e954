// Messages beyond what their method takes are refused with a reason, and the connection serves on.
import { expect, test } from "vitest";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { reasonOf } from "../testing/errors.ts";
import { openClients } from "../testing/keys.ts";

test("a question beyond 256 KiB, a batch beyond 16 MiB, a name beyond 2 KiB", async () => {
  await using database = await testDatabase();
  await using accessor = await openTestAccessor({ databaseUrl: database.url });
  using clients = openClients(accessor.port);
  const { signals, ingest } = clients;
  const machines = Array.from({ length: 3_000 }, (_, i) => `m${i}`.padEnd(128, "x"));
  const told = (max: number) => ({
    reason: "MESSAGE_TOO_LARGE",
    metadata: { limit: "bytes", max: String(max) },
  });
  expect(await reasonOf(signals.querySignals({ signal: "power", machines }))).toMatchObject(
    told(256 * 1024),
  );
  const machine = "x".repeat(3_000);
  expect(await reasonOf(clients.machines.getMachine({ machine }))).toMatchObject(told(2_048));
  // A request with a list, since labels may be many.
  expect(await reasonOf(signals.listMachines({ pageToken: machine }))).toMatchObject({
    reason: "REQUEST_INVALID",
  });
  const message = "x".repeat(17 * 1024 * 1024);
  const huge = { machine: "m", errorReports: [{ message }] };
  expect(
    await reasonOf(ingest.ingestBatch({ producerId: "p", sequence: 1n, batch: huge })),
  ).toMatchObject(told(16 * 1024 ** 2));
  const stateChanges = new Array(10_000).fill({});
  const dense = { producerId: "p", sequence: 1n, batch: { machine: "m", stateChanges } };
  expect(await reasonOf(ingest.ingestBatch(dense))).toMatchObject({
    reason: "MESSAGE_TOO_LARGE",
    metadata: { limit: "decoded-bytes" },
  });
  expect((await signals.listMachines({})).machines).toEqual([]);
});
