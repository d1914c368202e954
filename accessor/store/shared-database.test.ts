// However much one caller requests at once, another gets its turn at the connections; and a
// question has a budget.
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { Failure } from "../domain/failure.ts";
import { Ledger } from "../domain/ledger.ts";
import { openDatabase } from "./database.ts";
import { SharedDatabase } from "./shared-database.ts";

const log = createLog({ name: "t", level: "silent" });
const unbounded = { maxSamples: undefined };

test("a caller's many statements wait behind each other, not before another's", async () => {
  await using own = await testDatabase();
  await using database = await openDatabase({ url: own.url, log });
  const ledger = new Ledger();
  const shared = new SharedDatabase(database, ledger);
  const greedy = shared.as("greedy", unbounded);
  let done = 0;
  const all = Array.from({ length: 60 }, async () => {
    await greedy.read("select pg_sleep(0.1)::text", [], {});
    done++;
  });
  const other = shared.as("other", unbounded);
  for (let i = 0; i < 5; i++) expect(await other.read("select 1", [], {})).toEqual([[1]]);
  // Served in order of arrival, it would have waited for all 60 before its first answer.
  expect(done).toBeLessThan(60);
  await Promise.all(all);
  expect(Object.values(ledger.borrowed())).toEqual([0, 0, 0]);
});

test("statements that are called off or fail give their turns back", async () => {
  await using own = await testDatabase();
  await using database = await openDatabase({ url: own.url, log });
  const ledger = new Ledger();
  const reads = new SharedDatabase(database, ledger).as("a", unbounded);
  const stop = new AbortController();
  const all = Array.from({ length: 30 }, () =>
    reads.read("select pg_sleep(5)::text", [], { abort: stop.signal }),
  );
  const ended = Promise.allSettled(all);
  stop.abort(new Error("left"));
  expect((await ended).every(({ status }) => status === "rejected")).toBe(true);
  await expect(reads.read("select nonsense", [], {})).rejects.toThrow();
  expect(Object.values(ledger.borrowed())).toEqual([0, 0, 0]);
});

test("a question that takes more samples than it may is refused by name", async () => {
  await using own = await testDatabase();
  await using database = await openDatabase({ url: own.url, log });
  const ledger = new Ledger();
  const question = new SharedDatabase(database, ledger).as("a", { maxSamples: 100 });
  question.spend(60);
  question.spend(40);
  expect(() => question.spend(1)).toThrow(Failure);
  expect(ledger.refused()).toEqual({ "samples-decoded": 1 });
});
