// The view machines: display names and labels beside what has sent, described machines that have
// sent nothing, and a function that bounds what may be described.
import { afterAll, beforeAll, expect, test } from "vitest";
import { addSeries, openSqlFixture, type SqlFixture } from "../testing/sql-database.ts";

let database: SqlFixture;
beforeAll(async () => {
  database = await openSqlFixture();
  for (const machine of ["a", "b", "c"])
    for (const signal of ["power", "heat"]) await addSeries(database, { machine, signal });
});
afterAll(() => database[Symbol.asyncDispose]());

type Bounds = { labels?: number; machines?: number; bytes?: number };

async function describe(
  machine: string,
  name: string | null,
  labels: object,
  { replace = false, ...bounds }: Bounds & { replace?: boolean } = {},
): Promise<unknown> {
  const { labels: most = 32, machines = 100, bytes = 10_000 } = bounds;
  const [row] = await database.query(
    `select describe_machine($1, $2, $3::jsonb, $4, ${most}, ${machines}, ${bytes}) as limit`,
    [machine, name, JSON.stringify(labels), replace],
  );
  return row!["limit"];
}

const seen = async () =>
  (
    await database.query(
      "select machine, display_name, labels, signals, first_seen_time from millrace_v1.machines order by 1",
    )
  ).map((row) => [
    row["machine"],
    row["display_name"],
    JSON.parse(String(row["labels"])),
    row["signals"],
    row["first_seen_time"] !== null,
  ]);

test("machines have their descriptions, and those that have sent nothing are there too", async () => {
  const signals = "{heat,power}";
  expect(await describe("a", "Press A", { line: "3", hall: "north" })).toBeNull();
  await describe("b", null, { line: "4" });
  await describe("z", "Z", {});
  await describe("gone", "G", { line: "3" });
  await describe("gone", "", {}, { replace: true });
  expect(await seen()).toEqual([
    ["a", "Press A", { line: "3", hall: "north" }, signals, true],
    ["b", null, { line: "4" }, signals, true],
    ["c", null, {}, signals, true],
    ["z", "Z", {}, "{}", false],
  ]);
  // What the documentation shows.
  expect(
    await database.query(
      `select labels->>'line' as line, count(*) as machines
       from millrace_v1.machines group by 1 order by 1`,
    ),
  ).toEqual([
    { line: "3", machines: "1" },
    { line: "4", machines: "1" },
    { line: null, machines: "2" },
  ]);
  expect(
    await database.query(
      `select machine from millrace_v1.machines where labels @> '{"line": "3", "hall": "north"}'`,
    ),
  ).toEqual([{ machine: "a" }]);
  await addSeries(database, { machine: "z", signal: "power" });
  expect((await seen()).filter(([machine]) => machine === "z")).toEqual([
    ["z", "Z", {}, "{power}", true],
  ]);
});

test("a change gets the highest number, what is equal none, and a limit changes nothing", async () => {
  const changed = async () => {
    const [row] = await database.query(
      "select max(changed)::int as newest, (array_agg(machine order by changed desc))[1] as of from machine_description",
    );
    return [Number(row!["newest"]), row!["of"]];
  };
  const [before] = await changed();
  await describe("a", null, { line: "5" });
  expect(await changed()).toEqual([Number(before) + 1, "a"]);
  await describe("a", "Press A", { line: "5", none: "" });
  expect(await changed()).toEqual([Number(before) + 1, "a"]);
  expect(await describe("a", null, { k1: "x" }, { labels: 2 })).toBe("labels");
  expect(await describe("a", null, { k1: "x", hall: "" }, { labels: 2 })).toBeNull();
  expect(await describe("new", "N", {}, { machines: 4 })).toBe("described-machines");
  // Those that are known may change, and nobody is described by nothing.
  expect(await describe("b", "B", {}, { machines: 4 })).toBeNull();
  expect(await describe("new", "", {}, { machines: 4 })).toBeNull();
  expect(await describe("b", "B".repeat(100), {}, { bytes: 100 })).toBe("description-bytes");
  expect((await seen()).map(([machine, name, labels]) => [machine, name, labels])).toEqual([
    ["a", "Press A", { line: "5", k1: "x" }],
    ["b", "B", { line: "4" }],
    ["c", null, {}],
    ["z", "Z", {}],
  ]);
});
