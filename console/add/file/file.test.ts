// Files: what their columns mean, and how their records become rows.
import fc from "fast-check";
import { expect, test } from "vitest";
import { recogniseColumns, signalOf } from "./columns.ts";
import { lookAtFile } from "./look-at-file.ts";
import type { FileMapping } from "./map-record.ts";
import { itemsOf } from "./read-mapped.ts";
import { linesOf } from "./read-records.ts";
import { maxBadLines, type UploadItem, upload } from "./upload.ts";

const abort = new AbortController().signal;

async function rowsOf(text: string, changes: Partial<FileMapping> = {}) {
  const file = new Blob([text]);
  const look = await lookAtFile(file);
  if (look.kind !== "csv") throw new Error(look.kind);
  const { delimiter, columns, decimalComma } = look;
  const mapping = { columns, machine: "mill-1", signal: "power", epoch: undefined, decimalComma };
  const items: UploadItem[] = [];
  for await (const item of itemsOf(file, {
    kind: "csv",
    delimiter,
    mapping: { ...mapping, ...changes },
  }))
    items.push(item);
  return { look, items, rows: items.flatMap((item) => (item.kind === "rows" ? item.rows : [])) };
}

test("a wide file with semicolons, decimal commas, units in the header and no zone", async () => {
  const { look, rows } = await rowsOf(
    "\uFEFFZeit;Maschine;Leistung [kW];Temp (°C);Bemerkung\r\n2026-12-01 08:00:00;mill-7;5,25;71,0;ok\r\n",
  );
  expect(look).toMatchObject({ delimiter: ";", decimalComma: true });
  expect(rows.map(({ row }) => row)).toEqual([
    {
      machine: "mill-7",
      time: "2026-12-01T08:00:00Z",
      signal: "leistung",
      value: "5.25",
      unit: "kW",
    },
    { machine: "mill-7", time: "2026-12-01T08:00:00Z", signal: "temp", value: "71.0", unit: "°C" },
  ]);
});

test("dates with dots and grouped thousands are read as every other door reads them", async () => {
  const { rows } = await rowsOf("Zeit;Wert\n01.03.2026 08:00:00;1.234,5\n31.02.2026;1,5\n");
  expect(rows.map(({ row }) => row)).toMatchObject([
    { time: "2026-03-01T08:00:00Z", value: "1234.5" },
  ]);
});

test("a long file as Millrace exports it, states and errors", async () => {
  const { rows } = await rowsOf(
    'machine,signal,time,value,unit\nsaw-1,power,2026-12-01T08:00:00Z,1.5,kW\n"a ""b""",heat,2026-12-01T08:00:01Z,2,\n',
  );
  expect(rows.map(({ row }) => row)).toMatchObject([
    { machine: "saw-1", signal: "power", value: "1.5", unit: "kW" },
    { machine: 'a "b"', signal: "heat", value: "2" },
  ]);
  const events = await rowsOf("time,state,code,message\n2026-12-01T08:00:00Z,fault,E1,hot\n");
  expect(events.rows.map(({ row }) => row)).toMatchObject([
    { signal: "state", state: "FAULT" },
    { signal: "error", severity: "ERROR", code: "E1", message: "hot" },
  ]);
});

test("bad lines have their number and a reason, and the others are kept", async () => {
  const { items } = await rowsOf(
    "time,power\n2026-12-01T08:00:00Z,1\nyesterday,2\n2026-12-01T08:00:02Z\n\n2026-12-01T08:00:03Z,4\n",
  );
  expect(items).toMatchObject([
    { kind: "rows", rows: [{ line: 2 }] },
    { kind: "bad", bad: { line: 3, reason: expect.stringContaining("time: expected") } },
    { kind: "bad", bad: { line: 4, reason: "1 fields, but the header names 2" } },
    { kind: "rows", rows: [{ line: 6 }] },
  ]);
});

test("times that are numbers are read in the declared unit", async () => {
  const { rows } = await rowsOf("ts,power\n1772352000.25,1\n", { epoch: "s" });
  expect(rows[0]!.row).toMatchObject({ time: "2026-03-01T08:00:00.250Z" });
});

test("names of signals are always valid", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 90 }), (header) => {
      expect(signalOf(header).signal).toMatch(/^[a-z][a-z0-9_]{0,62}$/);
      const [column] = recogniseColumns([header], [["1"]]);
      expect(column!.header).toBe(header);
    }),
  );
});

test("lines are the same however the file is cut into pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom("a", "é", "\n", "\r", "😀") }),
      fc.integer({ min: 1, max: 5 }),
      async (text, size) => {
        const bytes = new TextEncoder().encode(text);
        const stream = new ReadableStream<Uint8Array>({
          start(controller) {
            for (let i = 0; i < bytes.length; i += size)
              controller.enqueue(bytes.slice(i, i + size));
            controller.close();
          },
        });
        const found: (string | undefined)[] = [];
        for await (const line of linesOf(stream)) found.push(line.text);
        const expected = text.split("\n");
        if (expected.at(-1) === "") expected.pop();
        expect(found).toEqual(expected);
      },
    ),
  );
});

test("an answer that was lost is asked for again under the same key, and verdicts find their lines", async () => {
  const asked: { key: string; rows: number }[] = [];
  let lost = true;
  const answer = async (_: unknown, init?: RequestInit) => {
    const lines = String(init!.body).trim().split("\n");
    asked.push({ key: new Headers(init!.headers).get("idempotency-key")!, rows: lines.length });
    if (lost) {
      lost = false;
      throw new TypeError("the connection broke");
    }
    const verdicts = [{ line: 2, count: 1, message: "value: expected a number" }];
    return Response.json({ accepted: lines.length - 1, rejected: 1, verdicts });
  };
  async function* items(): AsyncGenerator<UploadItem> {
    for (let line = 10; line < 13; line++)
      yield { kind: "rows", rows: [{ line, row: { value: "1" } }], bytes: line };
    yield { kind: "bad", bad: { line: 13, reason: "there is no time" }, bytes: 13 };
  }
  const done = await upload({
    items: items(),
    key: "k",
    credential: undefined,
    abort,
    onProgress: () => {},
    fetch: answer as typeof fetch,
  });
  expect(asked).toEqual([
    { key: "k-0", rows: 3 },
    { key: "k-0", rows: 3 },
  ]);
  expect(done).toEqual({
    bytes: 13,
    accepted: 2,
    rejected: 2,
    badLines: [
      { line: 13, reason: "there is no time" },
      { line: 11, reason: "value: expected a number" },
    ],
    machines: [],
  });
});

test("progress is told while every line is bad, and the list of them stays bounded", async () => {
  async function* items(): AsyncGenerator<UploadItem> {
    for (let line = 1; line <= 5_000; line++)
      yield { kind: "bad", bad: { line, reason: "there is no time" }, bytes: line * 1_000 };
  }
  const told: number[] = [];
  const done = await upload({
    items: items(),
    key: "k",
    credential: undefined,
    abort,
    onProgress: ({ bytes }) => void told.push(bytes),
  });
  expect(told.length).toBeGreaterThan(3);
  expect(told.at(-1)).toBe(5_000_000);
  expect(done).toMatchObject({ rejected: 5_000, accepted: 0 });
  expect(done.badLines.map(({ line }) => line)).toEqual(
    Array.from({ length: maxBadLines }, (_, at) => at + 1),
  );
});

test("the machines that rows name are told, of CSV and of NDJSON, and not more than 20", async () => {
  async function* items(): AsyncGenerator<UploadItem> {
    yield { kind: "rows", rows: [{ line: 1, row: { machine: "press-1" } }], bytes: 1 };
    yield { kind: "rows", rows: [{ line: 2, row: '{"machine":"press-2"}' }], bytes: 2 };
    yield { kind: "rows", rows: [{ line: 3, row: "no JSON" }], bytes: 3 };
    for (let at = 0; at < 50; at++)
      yield { kind: "rows", rows: [{ line: 4, row: { machine: `mill-${at}` } }], bytes: 4 };
  }
  const { machines } = await upload({
    items: items(),
    key: "k",
    credential: undefined,
    abort,
    onProgress: () => {},
    fetch: (async () => Response.json({ accepted: 53, rejected: 0 })) as typeof fetch,
  });
  expect(machines.slice(0, 3)).toEqual(["press-1", "press-2", "mill-0"]);
  expect(machines).toHaveLength(20);
});

test("a file that is empty, no text or not readable is told apart", async () => {
  const gone = new Blob(["x"]);
  gone.slice = () => {
    throw new DOMException("it has gone", "NotReadableError");
  };
  const kinds = [new Blob([" \n"]), new Blob(["PK\u0003\u0004\0\0"]), gone].map(lookAtFile);
  expect((await Promise.all(kinds)).map(({ kind }) => kind)).toEqual([
    "empty",
    "binary",
    "unreadable",
  ]);
});
