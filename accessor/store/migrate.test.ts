// The schema is created once, however many accessors start at once; an incompatible database is not
// changed.
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openTestAccessor, queryDatabase } from "../testing/accessor.ts";
import { migrate, readMigrations, readSchema } from "./migrate.ts";

const log = createLog({ name: "test", level: "silent" });

test("accessors that start at once on no database at all share one", async () => {
  await using database = await testDatabase("absent");
  await using stack = new AsyncDisposableStack();
  const accessors = await Promise.all(
    Array.from({ length: 3 }, () => openTestAccessor({ databaseUrl: database.url })),
  );
  for (const accessor of accessors) stack.use(accessor);
  const applied = await queryDatabase(
    database.url,
    "select version from schema_migration order by version",
  );
  expect(applied).toEqual(readMigrations().map(({ version }) => ({ version })));
  expect(await queryDatabase(database.url, "select count(*)::int as n from identity")).toEqual([
    { n: 1 },
  ]);
  const [one, two] = await Promise.all(
    accessors.slice(0, 2).map(({ signals }) => signals.querySignals({ signal: "state" })),
  );
  expect(one!.cursor).toBe(two!.cursor);
});

test("migrating a database that is migrated changes nothing", async () => {
  await using database = await testDatabase("empty");
  await Promise.all([migrate(database.url, log), migrate(database.url, log)]);
  const before = await queryDatabase(
    database.url,
    "select * from schema_migration order by version",
  );
  await migrate(database.url, log);
  expect(
    await queryDatabase(database.url, "select * from schema_migration order by version"),
  ).toEqual(before);
});

test("a file that was changed after it was applied is named", async () => {
  await using database = await testDatabase("empty");
  await migrate(database.url, log);
  const changed = readMigrations().map((migration) =>
    migration.version === 2 ? { ...migration, checksum: "other" } : migration,
  );
  await expect(
    migrate(database.url, log, { ...readSchema(), migrations: changed }),
  ).rejects.toThrow("0002_log.sql was changed after it was applied");
});

test("a database of a newer program is left alone", async () => {
  await using database = await testDatabase("empty");
  await migrate(database.url, log);
  const older = readMigrations().slice(0, -1);
  await expect(migrate(database.url, log, { ...readSchema(), migrations: older })).rejects.toThrow(
    "run a newer one",
  );
});

test("a migration that fails leaves nothing of itself or its neighbours", async () => {
  await using database = await testDatabase("empty");
  const [first] = readMigrations();
  const broken = {
    version: 2,
    name: "0002_broken.sql",
    sql: "create table half (); select 1 / 0",
    checksum: "x",
  };
  await expect(
    migrate(database.url, log, { migrations: [first!, broken], functions: null }),
  ).rejects.toThrow("division by zero");
  expect(
    await queryDatabase(
      database.url,
      "select count(*)::int as n from pg_tables where schemaname = 'public'",
    ),
  ).toEqual([{ n: 0 }]);
});
