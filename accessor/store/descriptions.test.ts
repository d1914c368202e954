// Descriptions in memory: all of them, page by page; only what has changed after that; by label;
// and dropped when the history forks.
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { queryDatabase } from "../testing/accessor.ts";
import { type Database, openDatabase } from "./database.ts";
import { Descriptions } from "./descriptions.ts";

const count = 4_500;
const bounds = { maxLabels: 32, maxMachines: 10_000, maxBytes: 10_000_000 };
const stack = new AsyncDisposableStack();
let url = "";
let database: Database;
beforeAll(async () => {
  ({ url } = stack.use(await testDatabase()));
  const log = createLog({ name: "test", level: "silent" });
  database = stack.use(await openDatabase({ url, log }));
  await queryDatabase(
    url,
    `insert into machine_description (machine, display_name, labels, changed)
     select 'm-' || i, '', jsonb_build_object('line', (i % 3)::text, 'odd', (i % 2)::text), i
     from generate_series(1, ${count}) as i`,
  );
});
afterAll(() => stack.disposeAsync());

const line = (value: string) => ({ key: "line", value });
const odd = { key: "odd", value: "1" };
const change = (labels: Record<string, string>) => ({
  displayName: undefined,
  labels: new Map(Object.entries(labels)),
  replaceLabels: true,
});

test("all are read, whoever asks at once, and then what has changed", async () => {
  const [own, other] = [new Descriptions(database), new Descriptions(database)];
  await Promise.all([own.refresh(), own.refresh(), own.refresh(), other.refresh()]);
  expect([own.newest, other.newest]).toEqual([count, count]);
  const wanted = (fits: (i: number) => boolean) =>
    new Set(
      Array.from({ length: count }, (_, i) => i + 1)
        .filter(fits)
        .map((i) => `m-${i}`),
    );
  const both = own.matching([line("1"), odd, line("2")]);
  expect(both).toEqual(wanted((i) => i % 3 !== 0 && i % 2 === 1));
  const few = own.matching([line("1"), odd]);
  // Ascending, however many there are.
  for (const found of [both, few]) expect([...found]).toEqual([...found].sort());
  expect([both.size > 1_000, few.size < 1_000]).toEqual([true, true]);
  // In another order, and twice, it is the same question and the same object.
  expect(own.matching([odd, line("2"), line("1"), line("1")])).toBe(both);
  expect(own.matching([line("9")])).toEqual(new Set());

  // A change that leaves them the same machines gives the same object, another one does not.
  expect(await other.change("elsewhere", change({ hall: "n" }), bounds)).toBeUndefined();
  await own.refresh();
  expect([own.newest, own.of("elsewhere")?.labels.get("hall")]).toEqual([count + 1, "n"]);
  expect(own.matching([line("1"), line("2"), odd])).toBe(both);
  await other.change("m-1", change({ line: "0" }), bounds);
  await own.refresh();
  expect(own.matching([line("1"), line("2"), odd])).toEqual(
    wanted((i) => i % 3 !== 0 && i % 2 === 1 && i !== 1),
  );
  expect([...own.after("m-4499")]).toEqual(
    Array.from({ length: count }, (_, i) => `m-${i + 1}`)
      .filter((name) => name > "m-4499")
      .sort(),
  );
});

test("what was read lately is enough for whoever says so, and a fork drops all", async () => {
  const own = new Descriptions(database);
  await own.refresh();
  const before = own.newest;
  await new Descriptions(database).change("m-2", change({ line: "7" }), bounds);
  await own.refresh({ maxAgeMs: 60_000 });
  expect(own.newest).toBe(before);
  await own.refresh();
  expect(own.newest).toBe(before + 1);
  // A read that runs while the history forks is of no history.
  const reading = own.refresh();
  own.forget();
  await queryDatabase(url, "delete from machine_description where machine <> 'm-3'");
  await reading;
  await own.refresh();
  own.forget();
  expect([own.newest, own.of("m-3"), [...own.after("")]]).toEqual([0, undefined, []]);
  await own.refresh({ maxAgeMs: 60_000 });
  expect([own.newest, [...own.after("")]]).toEqual([3, ["m-3"]]);
});
