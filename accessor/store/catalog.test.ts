// A catalog of many: loaded in pages, looked up by name and prefix, and queried in one statement
// for series that it does not know.
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { Catalog } from "./catalog.ts";
import { openDatabase } from "./database.ts";

const log = createLog({ name: "t", level: "silent" });

test("12,000 machines: pages of rows, names in order, one machine of a key without the others", async () => {
  await using own = await testDatabase();
  await using database = await openDatabase({ url: own.url, log });
  await database.write(
    "insert into machine (name) select 'm-' || i from generate_series(1, 12000) i",
    [],
    {},
  );
  await database.write(
    "insert into series (machine_id, signal, kind, unit, max_gap_us) select id, 'power', 1, 'W', 1000000 from machine",
    [],
    {},
  );
  const statements: unknown[] = [];
  const counting = {
    ...database,
    slonik: {
      ...database.slonik,
      any: (...args: unknown[]) => {
        statements.push(args);
        return (database.slonik.any as (...given: unknown[]) => unknown)(...args);
      },
    },
  } as typeof database;
  const ids = await database.read("select id from series order by id limit 1000", [], {});
  const catalog = new Catalog(counting);
  await catalog.getAll(ids.map(([id]) => id as number));
  expect(statements).toHaveLength(1);
  expect(await catalog.machinesFitting(["m-7", "m-1199*", "*-42", "absent"])).toEqual(
    ["m-42", "m-7", "m-1199", ...Array.from({ length: 10 }, (_, i) => `m-1199${i}`)].sort(),
  );
  // The three pages of the whole catalog.
  expect(statements).toHaveLength(4);
  expect((await catalog.machines("m-11999", 2)).map(({ name }) => name)).toEqual(["m-12", "m-120"]);
  expect((await catalog.select({ machines: [], signals: ["power"] })).length).toBe(12_000);
  expect(
    (await catalog.select({ machines: ["m-9"], signals: [] })).map(({ signal }) => signal),
  ).toEqual(["power"]);
  expect((await catalog.anyOf("power"))?.machine).toBe("m-1");
  expect(await catalog.anyOf("speed")).toBeUndefined();
  expect(await catalog.signalNames()).toEqual(["power"]);
});
