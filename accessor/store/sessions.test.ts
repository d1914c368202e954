// The limits of each session of the accessor: how long it waits for a lock, may be idle in a
// transaction, may run.
import { expect, test } from "vitest";
import { z } from "zod";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openDatabase } from "./database.ts";
import { sql } from "./sql.ts";

test("a frozen holder of a lock, or a statement without end, holds up nobody for ever, in any pool", async () => {
  await using own = await testDatabase();
  await using database = await openDatabase({
    url: own.url,
    statementTimeoutMs: 45_000,
    log: createLog({ name: "test", level: "silent" }),
  });
  const names = [
    "synchronous_commit",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "statement_timeout",
    "jit",
  ];
  const ask = `select ${names.map((name) => `current_setting('${name}')`).join(", ")}`;
  const settings = async (rows: Promise<unknown[][]>) => (await rows)[0];
  const common = ["on", "10s", "5s"];
  expect(await settings(database.read(ask, [], {}))).toEqual([...common, "45s", "off"]);
  expect(await settings(database.write(ask, [], {}))).toEqual([...common, "30s", "off"]);
  expect(await settings(database.compact(ask, [], {}))).toEqual([...common, "2min", "off"]);
  const row = z.object({ lock: z.string(), idle: z.string(), run: z.string(), jit: z.string() });
  const asked = sql.type(row)`
    select current_setting('lock_timeout') as lock, current_setting('idle_in_transaction_session_timeout') as idle,
      current_setting('statement_timeout') as run, current_setting('jit') as jit`;
  expect(await database.slonik.one(asked)).toEqual({
    lock: "10s",
    idle: "5s",
    run: "45s",
    jit: "off",
  });
});
