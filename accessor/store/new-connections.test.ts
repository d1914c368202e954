// A new connection for reads reports its epoch before it is used, for each kind of read; a refused
// connection is not used.
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { Failure } from "../domain/failure.ts";
import { type Database, openDatabase } from "./database.ts";
import { readEpochs } from "./identity.ts";
import { sql } from "./sql.ts";

const log = createLog({ name: "test", level: "silent" });
const ways: Record<string, (database: Database) => Promise<unknown>> = {
  read: (database) => database.read("select 1", [], {}),
  lookUp: (database) => database.lookUp("select 1", [], { name: "one" }),
  copyOut: (database) => database.copyOut("copy (select 1) to stdout (format binary)", {}),
  ask: (database) => database.ask((slonik) => slonik.query(sql.typeAlias("void")`select`)),
};

test.each(Object.entries(ways))("%s", async (_, use) => {
  await using own = await testDatabase();
  const seen: unknown[] = [];
  let refusal: Failure | undefined;
  let followed: Promise<unknown> | undefined;
  await using database: Database = await openDatabase({
    url: own.url,
    async onEpoch(epoch) {
      seen.push(epoch);
      // Queried directly, as an accessor does that follows: it needs no connection of the pools.
      followed = readEpochs(database);
      await followed;
      if (refusal) throw refusal;
    },
    log,
  });
  refusal = new Failure("SHUTTING_DOWN", "it starts again");
  await expect(use(database)).rejects.toBe(refusal);
  expect(new Set(seen).size).toBe(1);
  const { length } = seen;
  refusal = undefined;
  for (let i = 0; i < 3; i++) await use(database);
  expect(seen).toHaveLength(length + 1);
  expect(await followed).toEqual([{ epoch: seen[0], firstRevision: 1 }]);
});
