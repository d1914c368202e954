import pg from "pg";
import { expect, test } from "vitest";
import { wattsPer } from "../../codec/power-unit.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { quiet } from "../testing/history.ts";
import { openDatabase } from "./database.ts";

const known: [string, number][] = [
  ["", 1],
  ["W", 1],
  ["J/s", 1],
  ["uW", 1e-6],
  ["µW", 1e-6],
  ["μW", 1e-6],
  ["mW", 1e-3],
  ["kW", 1e3],
  ["KW", 1e3],
  ["kJ/s", 1e3],
  ["MW", 1e6],
  ["MJ/s", 1e6],
  ["GW", 1e9],
  ["TW", 1e12],
];
const unknown = [
  "VA",
  "kVA",
  "var",
  "kWh",
  "Wh",
  "hp",
  "PS",
  "w",
  "kw",
  "bar",
  "°C",
  "W ",
  " W",
  "WW",
  "kkW",
  "J",
  "/s",
  "watt",
  "constructor",
  "__proto__W",
  "toStringW",
];

test("units of power are W with a prefix, in the database as here", async () => {
  expect(known.map(([unit]) => [unit, wattsPer(unit)])).toEqual(known);
  expect(unknown.map((unit) => [unit, wattsPer(unit)])).toEqual(
    unknown.map((unit) => [unit, undefined]),
  );
  await using database = await testDatabase();
  await using _migrated = await openDatabase({ url: database.url, log: quiet });
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ unit: string; watts: number | null }>(
      "select unit, watts_per(unit) as watts from unnest($1::text[]) unit",
      [[...known.map(([unit]) => unit), ...unknown]],
    );
    expect(rows.map(({ unit, watts }) => [unit, watts ?? undefined])).toEqual([
      ...known,
      ...unknown.map((unit) => [unit, undefined]),
    ]);
  } finally {
    await client.end();
  }
});
