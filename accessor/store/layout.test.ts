// Facts about the history besides its rows are read once for each watermark, not for each question.
import { expect, test, vi } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { Ledger } from "../domain/ledger.ts";
import { openDatabase } from "./database.ts";
import { forgetLayout, layoutAt } from "./layout.ts";
import { SharedDatabase } from "./shared-database.ts";

test("all callers' questions at one watermark share one reading; who forgets it has it read again", async () => {
  await using own = await testDatabase();
  await using database = await openDatabase({
    url: own.url,
    log: createLog({ name: "t", level: "silent" }),
  });
  const lookUp = vi.spyOn(database, "lookUp");
  const shared = new SharedDatabase(database, new Ledger());
  const question = () => shared.as(`caller ${lookUp.mock.calls.length}`, { maxSamples: undefined });
  const first = await layoutAt(question(), 0);
  for (let i = 0; i < 5; i++) expect(await layoutAt(question(), first.watermark)).toBe(first);
  expect(lookUp).toHaveBeenCalledTimes(1);
  expect(await layoutAt(question(), first.watermark + 1)).not.toBe(first);
  expect(lookUp).toHaveBeenCalledTimes(2);
  forgetLayout(question());
  await layoutAt(question(), 0);
  expect(lookUp).toHaveBeenCalledTimes(3);
});

test("a reading for all waits for no caller's turn", async () => {
  await using own = await testDatabase();
  await using database = await openDatabase({
    url: own.url,
    log: createLog({ name: "t", level: "silent" }),
  });
  const shared = new SharedDatabase(database, new Ledger());
  const greedy = shared.as("greedy", { maxSamples: undefined });
  const stop = new AbortController();
  // That caller has used all its turns at such statements, and more of its statements wait.
  const busy = Array.from({ length: 20 }, () =>
    greedy.lookUp("select pg_sleep(0.2)::text", [], { name: "sleep", abort: stop.signal }),
  );
  let over = 0;
  for (const one of busy) void one.then(() => over++);
  await layoutAt(greedy, 0);
  expect(over).toBeLessThan(10);
  await Promise.all(busy);
});
