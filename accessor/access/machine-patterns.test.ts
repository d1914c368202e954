// Keys with patterns of any script, against a real accessor: what each sees is what a regular
// expression says.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readMachinePattern as read } from "../../access/machine-pattern.ts";
import { plantNames } from "../../codec/testing/machine-names.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import type { BatchInit } from "../testing/batches.ts";
import { openClients, openKeyFixture } from "../testing/keys.ts";

const state = (machine: string): BatchInit => ({
  machine,
  stateChanges: [{ time: { seconds: 1_700_000_000n, nanos: 0 }, state: 1 }],
});

/** Whole names, by a regular expression: in NFC, with "*" for anything. */
function fits(pattern: string, name: string): boolean {
  const parts = pattern.normalize("NFC").split("*");
  return new RegExp(
    `^(?:${parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join(".*")})$`,
    "su",
  ).test(name);
}

test("each key sees and writes the machines that its pattern matches, however it is written", async () => {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await testDatabase());
  const keys = stack.use(await openKeyFixture(database.url));
  const admin = await keys.create({ scope: ["admin"] });
  const accessor = stack.use(await openTestAccessor({ databaseUrl: database.url, auth: {} }));
  const { ingest } = stack.use(openClients(accessor.port, admin));
  for (const [i, machine] of plantNames.entries())
    await ingest.ingestBatch({ producerId: "p", sequence: BigInt(i + 1), batch: state(machine) });

  const cut = fc
    .tuple(fc.constantFrom(...plantNames), fc.nat(20), fc.nat(20))
    .map(([name, from, to]) => {
      const characters = [...name.normalize("NFC")];
      return `${characters.slice(0, from).join("")}*${characters.slice(from + to).join("")}`;
    });
  const patterns = [
    "Halle 3 / *",
    "Übergabe".normalize("NFD"),
    "*/*",
    "* *",
    "*7",
    "Crème*".normalize("NFD"),
    "铣床 ?",
    "A+B",
  ];
  const made = [...patterns, ...fc.sample(cut, { numRuns: 12, seed: 7 })].filter(
    (one) => read(one) !== undefined,
  );
  expect(made.length).toBeGreaterThan(12);
  for (const [i, pattern] of made.entries()) {
    const expected = plantNames.filter((name) => fits(pattern, name)).sort();
    const key = await keys.create({ scope: ["read", "write"], machine: [read(pattern)!] });
    const clients = stack.use(openClients(accessor.port, key));
    await eventually(
      "the key is known",
      async () => (await clients.access.whoAmI({}).catch(() => undefined))?.principal,
    );
    const { machines } = await clients.signals.listMachines({ pageSize: 1_000 });
    expect([pattern, machines.map(({ name }) => name).sort()]).toEqual([pattern, expected]);
    const latest = await clients.signals.getLatest({
      machines: plantNames.map((name) => name.normalize("NFD")),
    });
    expect([pattern, latest.signals.map(({ machine }) => machine).sort()]).toEqual([
      pattern,
      expected,
    ]);
    const { result } = await clients.ingest.ingestBatch({
      producerId: `rest:${i}`,
      sequence: 1n,
      batch: state("Übergabe".normalize("NFD")),
    });
    expect([pattern, result!.refusal === undefined]).toEqual([
      pattern,
      expected.includes("Übergabe"),
    ]);
  }
}, 60_000);
