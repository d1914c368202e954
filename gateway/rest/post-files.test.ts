// Files as people have them, by POST: the parameters say how they are written.
import { readFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { takeEverything } from "../testing/accessor.ts";
import { nowUs } from "../testing/answers.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let taken: IngestBatchRequest[];
beforeEach(async () => {
  gateway = await openTestGateway({ now: () => Number(nowUs / 1_000n) });
  taken = [];
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

type Pairs = readonly (readonly [name: string, value: string])[];
const send = (body: string, type: string, pairs: Pairs = []) =>
  gateway.ask(`/signals?${new URLSearchParams(pairs as [string, string][])}`, {
    method: "POST",
    body,
    headers: { "content-type": type },
  });
const samples = () =>
  taken.flatMap(({ batch }) =>
    batch!.samples.flatMap((column) =>
      column.values.map((value, i) => ({
        machine: batch!.machine,
        signal: column.signal,
        unit: column.unit,
        time: new Date(timesOf(column)[i]! / 1_000).toISOString(),
        value,
      })),
    ),
  );

const german =
  '\uFEFFZeit;Maschine;Leistung [kW];Bemerkung\r\n01.03.2026 08:00:00;Presse 3;1,25;\r\n01.03.2026 08:15:00;Presse 3;1,5;"Schicht; Beginn"\r\n01.03.2026 08:30:00;Presse 3;;kein Wert\r\n01.03.2026 08:45:00;Presse 3;1.234,5;falsche Einheit?\r\n';
const germanQuery: Pairs = [
  ["column", "Zeit=time"],
  ["column", "Maschine=machine"],
  ["column", "Leistung [kW]=value:power[kW]"],
  ["column", "Bemerkung=-"],
  ["convert", "kW=W"],
  ["max_gap", "20m"],
  ["decimal", "comma"],
  ["time_format", "DD.MM.YYYY"],
  ["time_zone", "Europe/Berlin"],
];

test("a German export as it is", async () => {
  const { body } = await send(german, "text/csv", germanQuery);
  expect(body).toMatchObject({
    accepted: 3,
    rejected: 1,
    verdicts: [{ line: 4, count: 1, message: "value: missing: all columns of values are empty" }],
  });
  const head = { machine: "Presse 3", signal: "power", unit: "W" };
  expect(samples()).toEqual([
    { ...head, time: "2026-03-01T07:00:00.000Z", value: 1250 },
    { ...head, time: "2026-03-01T07:15:00.000Z", value: 1500 },
    { ...head, time: "2026-03-01T07:45:00.000Z", value: 1_234_500 },
  ]);
});

test("the request of docs/files.md has these parameters", async () => {
  const page = await readFile(new URL("../../docs/files.md", import.meta.url), "utf8");
  const [, words = ""] = /\$\(printf '%s&' ([\s\S]*?)" -H/.exec(page) ?? [];
  const query = words
    .replaceAll(/\)|\\\n/g, " ")
    .trim()
    .split(/\s+/)
    .join("&");
  expect([...new URLSearchParams(query)]).toEqual(germanQuery);
});

test("a wide table: records are counted, and a verdict has the line and the column", async () => {
  const wide =
    "timestamp,mill-1.power,mill-1.temperature,mill-2.power,mill-2.temperature\n2026-03-01 08:00:00,412.3,41.0,398.1,\n2026-03-01 08:00:01,411.9,41.1,,39.7\n2026-03-01 08:00:02,NaN,41.1,399.0,39.7\n";
  const { body } = await send(wide, "text/csv", [
    ["column", "timestamp=time"],
    ["wide", "MACHINE.SIGNAL"],
    ["time_zone", "UTC"],
  ]);
  expect(body).toMatchObject({
    accepted: 9,
    rejected: 1,
    verdicts: [
      {
        line: 4,
        reason: "VALUE_NOT_FINITE",
        message: "mill-1.power: NaN and infinities are not measurements: leave the sample out",
      },
    ],
  });
  const counts = Map.groupBy(samples(), ({ machine, signal }) => `${machine} ${signal}`);
  expect(Object.fromEntries([...counts].map(([key, all]) => [key, all.length]))).toEqual({
    "mill-1 power": 2,
    "mill-1 temperature": 3,
    "mill-2 power": 2,
    "mill-2 temperature": 2,
  });
});

test("a wide table of many columns and rows stays below what a batch may hold", async () => {
  const names = Array.from({ length: 150 }, (_, i) => `s${i}`);
  const line = (i: number) => `${1_772_352_000_000 + i},${names.map(() => i).join(",")}`;
  const lines = Array.from({ length: 600 }, (_, i) => line(i));
  const { body } = await send(`time,${names.join(",")}\n${lines.join("\n")}\n`, "text/csv", [
    ["wide", "SIGNAL"],
    ["machine", "mill-1"],
  ]);
  expect(body).toMatchObject({ accepted: 90_000, rejected: 0 });
  for (const { batch } of taken)
    expect(batch!.samples.reduce((sum, { values }) => sum + values.length, 0)).toBeLessThan(65_536);
});

test("epoch seconds with a machine and a signal for all rows", async () => {
  const csv = "time,value\n1772352000,412.3\n1772352001,411.9\n1772352002.5,411.2\n";
  const undeclared = await send(csv, "text/csv", [
    ["machine", "mill-1"],
    ["type", "power"],
  ]);
  expect(undeclared.status).toBe(422);
  expect(JSON.stringify(undeclared.body)).toContain("these look like seconds: declare epoch=s");
  await send(csv, "text/csv", [
    ["machine", "mill-1"],
    ["type", "power"],
    ["epoch", "s"],
  ]);
  expect(samples().map(({ time }) => time)).toEqual([
    "2026-03-01T08:00:00.000Z",
    "2026-03-01T08:00:01.000Z",
    "2026-03-01T08:00:02.500Z",
  ]);
});

test("a JSON array of nested objects, and the same as lines", async () => {
  const rows = [
    { machine: "oven-1", ts: 1772352000123, data: { temp_c: 181.5, door: "open" } },
    { machine: "oven-1", ts: 1772352001123, data: { temp_c: 181.9, door: "closed" } },
  ];
  const query: Pairs = [
    ["column", "ts=time"],
    ["column", "data.temp_c=value:temperature[°C]"],
    ["column", "data.door=state"],
    ["word", "open=IDLE"],
  ];
  const { body } = await send(JSON.stringify(rows), "application/json", query);
  const message = "state must be ACTIVE, IDLE, FAULT or OFF";
  expect(body).toMatchObject({ accepted: 3, rejected: 1, verdicts: [{ row: 1, message }] });
  expect(samples()).toMatchObject([
    { signal: "temperature", unit: "°C", time: "2026-03-01T08:00:00.123Z", value: 181.5 },
    { time: "2026-03-01T08:00:01.123Z", value: 181.9 },
  ]);
  const lines = rows.map((row) => JSON.stringify(row)).join("\n");
  const again = await send(lines, "application/x-ndjson", query);
  expect(again.body).toMatchObject({ accepted: 3, rejected: 1, verdicts: [{ line: 2, message }] });
  const unmapped = await send(lines, "application/x-ndjson", query.slice(0, 2));
  expect(JSON.stringify(unmapped.body)).toContain("column=data.door=FIELD");
});

test("lines of a meter: a number as text, and a comma behind an object", async () => {
  const row = { machine: "saw-1", signal: "power", time: "2026-03-01T08:00:00+01:00" };
  const lines = [
    { ...row, unit: "W", max_gap: "1200s", value: 1000 },
    { ...row, value: "1000" },
  ];
  const text = `${JSON.stringify(lines[0])}\n\n${JSON.stringify(lines[1])}\n${JSON.stringify(row)},\n`;
  const { body } = await send(text, "application/x-ndjson");
  expect(body).toMatchObject({
    accepted: 2,
    rejected: 1,
    verdicts: [{ line: 4, message: expect.stringContaining("no comma behind it") }],
  });
});

test.each([
  ["column", "Zeit", /is not a mapping; expected NAME=FIELD/],
  ["column", "Zeit=tiem", /"tiem" is not a field that a column can be: is "time" meant/],
  ["column", "Zeit=value:Power", /names no signal/],
  ["wide", "machine.signal", /with MACHINE, SIGNAL and UNIT/],
  ["delimiter", "x", /is not one of comma, semicolon, tab, pipe/],
  ["time_format", "D.M.Y", /is not one of YYYY-MM-DD, DD.MM.YYYY/],
  ["time_zone", "Berlin", /time zone "Berlin" is not known/],
  ["repeated_hour", "first", /needs time_zone/],
  ["convert", "kW=A", /is not a conversion; expected FROM=TO/],
  ["word", "open=AJAR", /one of ACTIVE, IDLE/],
  ["machine", " ", /machine " " begins with a blank/],
])("%s=%s is refused with what to write", async (name, value, message) => {
  const { status, body } = await send(german, "text/csv", [[name, value]]);
  expect([status, body["field"]]).toEqual([400, name]);
  expect(body["detail"]).toMatch(message);
});

test("a batch in columns takes none of these parameters", async () => {
  const batch = { machine: "m", samples: [] };
  const { status, body } = await send(JSON.stringify(batch), "application/json", [
    ["decimal", "comma"],
  ]);
  expect([status, body["field"]]).toEqual([400, "decimal"]);
});
