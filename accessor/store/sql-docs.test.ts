// Every statement in docs/sql.md and docs/sql-examples.md runs for millrace_reader.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { addBlock, addSeries, openSession, openSqlFixture } from "../testing/sql-database.ts";
import { openDatabase } from "./database.ts";
import { ZoneClocks } from "./zone-clocks.ts";

const pages = ["sql.md", "sql-examples.md"]
  .map((name) => readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8"))
  .join("\n");
const statements = [...pages.matchAll(/^```sql\n([\s\S]*?)^```/gm)].flatMap(([, block]) =>
  block!.split(/;\n/).filter((statement) => statement.trim() !== ""),
);

/** As Grafana replaces them. */
function fillIn(statement: string): string {
  return statement
    .replace(
      /\$__timeFilter\((\w+)\)/g,
      "$1 between '2025-10-09T00:00:00Z' and '2025-10-10T00:00:00Z'",
    )
    .replaceAll("$__timeFrom()", "'2025-10-09T00:00:00Z'")
    .replaceAll("$__timeTo()", "'2025-10-10T00:00:00Z'")
    .replaceAll("$machine", "'press-7','press-8'");
}

it("each statement of the pages runs for the reader", async () => {
  await using database = await openSqlFixture();
  const seriesId = await addSeries(database, { machine: "press-7", signal: "power" });
  const startUs = 1_759_968_000_000_000;
  const column = {
    timesUs: Float64Array.of(startUs, startUs + 1e6),
    values: Float64Array.of(3, 5),
  };
  await addBlock(database, { seriesId, watermark: 0, bucketUs: startUs, column });
  await keepZones(database.url);
  await using reader = await openSession(database.url, "millrace_reader");
  expect(statements.length).toBeGreaterThan(8);
  for (const statement of statements) await reader.query(fillIn(statement));
  const panel = statements.find((statement) => statement.includes("samples_minute"))!;
  const [row] = await reader.query(fillIn(panel));
  expect(row).toEqual({ time: "2025-10-09 00:00:00+00", metric: "press-7", value: "4" });
});

const found = (text: string) => statements.find((statement) => statement.includes(text))!;

it("covered_percent is of the time asked for: an hour of a day is 4.17 %", async () => {
  await using database = await openSqlFixture();
  const seriesId = await addSeries(database, { machine: "press-7", signal: "power" });
  // Noon of yesterday in UTC, which is also yesterday in Berlin.
  const startUs = (Math.floor(Date.now() / 86_400_000) - 0.5) * 86_400_000_000;
  for (let minute = 0; minute < 60; minute++) {
    const bucketUs = startUs + minute * 60e6;
    const timesUs = Float64Array.from({ length: 60 }, (_, second) => bucketUs + second * 1e6);
    const column = { timesUs, values: new Float64Array(60).fill(1000) };
    await addBlock(database, { seriesId, watermark: 0, bucketUs, column });
  }
  await database.query("insert into rollup_due (series_id, hour_us) values ($1, $2)", [
    seriesId,
    startUs,
  ]);
  for (const view of ["samples_day", "Europe/Berlin"]) {
    const [row] = await database.query(found(view));
    expect(Number(row!.kwh)).toBeCloseTo(3599 / 3600, 9);
    const hours = Math.round((3599 / Number(row!.covered_percent) / 36) * 1e6) / 1e6;
    expect(view === "samples_day" ? [24] : [23, 24, 25]).toContain(hours);
  }
});

it("the state timeline begins with the state that held, however long it has", async () => {
  await using database = await openSqlFixture();
  await addSeries(database, { machine: "press-7", signal: "state", kind: 1 });
  await addSeries(database, { machine: "press-8", signal: "state", kind: 1 });
  const add = (machine: string, time: string, state: number) =>
    database.query(
      `insert into state_change (revision, time_us, machine_id, position, state, reason)
       select 1, to_us($2::text::timestamptz), id, 0, $3::int4, '' from machine where name = $1`,
      [machine, time, state],
    );
  // A change three days before the range; and one within it, to the same state first.
  await add("press-7", "2025-10-06 00:00Z", 2);
  await add("press-8", "2025-06-01 00:00Z", 1);
  await add("press-8", "2025-10-09 08:00Z", 1);
  await add("press-8", "2025-10-09 09:00Z", 3);
  await add("press-8", "2025-10-10 00:00Z", 4);
  await using reader = await openSession(database.url, "millrace_reader");
  expect(await reader.query(fillIn(found("state_at($__timeFrom()")))).toEqual([
    { time: "2025-10-09 00:00:00+00", metric: "press-7", value: "IDLE" },
    { time: "2025-10-09 00:00:00+00", metric: "press-8", value: "ACTIVE" },
    { time: "2025-10-09 09:00:00+00", metric: "press-8", value: "FAULT" },
  ]);
  expect(
    await reader.query("select machine, state from millrace_v1.state_at('2025-06-01 00:00Z')"),
  ).toEqual([{ machine: "press-8", state: "ACTIVE" }]);
  expect(await reader.query("select * from millrace_v1.state_at('-infinity')")).toEqual([]);
  expect(
    await reader.query("select state from millrace_v1.state_at('infinity', array['press-8'])"),
  ).toEqual([{ state: "OFF" }]);
});

/** As the accessor does for answers in these time zones. */
async function keepZones(url: string): Promise<void> {
  const log = createLog({ name: "test", level: "error" });
  await using own = await openDatabase({ url, isPrepared: true, log });
  await using clocks = new ZoneClocks({ database: own, version: "2026c", log });
  for (const zone of ["Africa/Casablanca", "Europe/Paris"]) clocks.use(zone);
  await clocks.settled();
}

it("the page names every view and column there is", async () => {
  await using database = await openSqlFixture();
  const columns = await database.query<{ view: string; columns: string }>(
    `select table_name as view, string_agg(column_name, ' ' order by ordinal_position) as columns
     from information_schema.columns where table_schema = 'millrace_v1' group by 1`,
  );
  const table = new Map(
    [...pages.matchAll(/^\| `(\w+)` \|[^|]*\| (.*) \|$/gm)].map(([, view, listed]) => [
      view!,
      [...listed!.matchAll(/`(\w+)`/g)].map(([, column]) => column).join(" "),
    ]),
  );
  for (const view of ["samples_hour", "samples_day"]) table.set(view, table.get("samples_minute")!);
  expect(Object.fromEntries(table)).toEqual(
    Object.fromEntries(columns.map((row) => [row.view, row.columns])),
  );
});
