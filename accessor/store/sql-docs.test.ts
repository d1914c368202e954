// Every statement in docs/sql.md runs for millrace_reader.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { addBlock, addSeries, openSession, openSqlFixture } from "./test-sql-database.ts";

const page = readFileSync(new URL("../../docs/sql.md", import.meta.url), "utf8");
const statements = [...page.matchAll(/^```sql\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
  block!.split(/;\n/).filter((statement) => statement.trim() !== ""),
);

/** As Grafana fills them in. */
function fillIn(statement: string): string {
  return statement
    .replace(/\$__timeFilter\((\w+)\)/g, "$1 between '2025-10-09T00:00:00Z' and '2025-10-10T00:00:00Z'")
    .replaceAll("$__timeFrom()", "'2025-10-09T00:00:00Z'")
    .replaceAll("$__timeTo()", "'2025-10-10T00:00:00Z'")
    .replaceAll("$machine", "'press-7','press-8'");
}

it("each statement of the page runs for the reader", async () => {
  await using database = await openSqlFixture();
  const seriesId = await addSeries(database, { machine: "press-7", signal: "power" });
  const startUs = 1_759_968_000_000_000;
  const column = { timesUs: Float64Array.of(startUs, startUs + 1e6), values: Float64Array.of(3, 5) };
  await addBlock(database, { seriesId, watermark: 0, bucketUs: startUs, column });
  await using reader = await openSession(database.url, "millrace_reader");
  expect(statements.length).toBeGreaterThan(8);
  for (const statement of statements) await reader.query(fillIn(statement));
  const panel = statements.find((statement) => statement.includes("samples_minute"))!;
  const [row] = await reader.query(fillIn(panel));
  expect(row).toEqual({ time: "2025-10-09 00:00:00+00", metric: "press-7", value: "4" });
});

it("the page names every view and column there is", async () => {
  await using database = await openSqlFixture();
  const columns = await database.query<{ view: string; columns: string }>(
    `select table_name as view, string_agg(column_name, ' ' order by ordinal_position) as columns
     from information_schema.columns where table_schema = 'millrace_v1' group by 1`,
  );
  const table = new Map(
    [...page.matchAll(/^\| `(\w+)` \|[^|]*\| (.*) \|$/gm)].map(([, view, listed]) => [
      view!,
      [...listed!.matchAll(/`(\w+)`/g)].map(([, column]) => column).join(" "),
    ]),
  );
  table.set("samples_hour", table.get("samples_minute")!);
  expect(Object.fromEntries(table)).toEqual(Object.fromEntries(columns.map((row) => [row.view, row.columns])));
});
