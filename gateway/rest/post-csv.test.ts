// Bodies of CSV, and their lines: columns, quotes, cuts at any place, and invalid text.
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { createCsvRows } from "../../codec/row/csv-rows.ts";
import { toCsvLine } from "../../codec/row/csv-text.ts";
import { readLines } from "../../codec/row/text-lines.ts";
import { UnreadableText } from "../../codec/row/unreadable.ts";
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

const send = (body: string | ReadableStream<Uint8Array>, type: string, query = "") =>
  gateway.ask(`/signals${query}`, {
    method: "POST",
    body,
    headers: { "content-type": type },
    ...(typeof body === "string" ? {} : { duplex: "half" }),
  } as RequestInit);
const ndjson = "application/x-ndjson";
const row = (machine: string, value: number) =>
  JSON.stringify({ machine, signal: "power", time: "2026-03-01T08:00:00Z", value });

test("CSV: columns by name, quotes, the signal by column or by ?type=", async () => {
  const csv = (body: string, query = "") => send(body, "text/csv; charset=utf-8", query);
  await csv(
    "\uFEFFTime, machine ,value\r\n1772352000000,a,-0\r\n1772352000010,a,4.5e1\r\n\r\n",
    "?type=power",
  );
  expect([...timesOf(taken[0]!.batch!.samples[0]!)]).toEqual([
    1_772_352_000_000_000, 1_772_352_000_010_000,
  ]);
  expect(taken[0]!.batch!.samples).toMatchObject([{ signal: "power", values: [-0, 45] }]);
  const mixed = await csv(
    'machine,signal,time,value,state,reason,severity,code,message\nb,state,now,,IDLE,"a ""b"", c\nd",,,\nb,error,now,,,,ERROR,E1,hot\nb,power,now,0x10,,,,,\nb,power\nb,power,now,"1"x,,,,,\n',
  );
  expect(taken[1]!.batch).toMatchObject({
    stateChanges: [{ state: 2, reason: 'a "b", c\nd' }],
    errorReports: [{ severity: 3, code: "E1", message: "hot" }],
    samples: [],
  });
  expect(mixed.body["verdicts"]).toMatchObject([
    {
      line: 5,
      reason: "VALUE_NOT_FINITE",
      message: "value: expected a number, such as 412.3 or 4.1e-3",
    },
    { line: 6, message: "2 fields, but the header names 9" },
    { line: 7, message: "a quoted field has text after its closing quote" },
  ]);
  for (const [body, detail] of [
    ["machine,value\n", /including time/],
    ["machine,time,watts\n", /"watts" is not a column: known are machine, signal/],
    ["machine,time,time\n", /time appears twice/],
  ] as const) {
    const { status, body: problem } = await csv(body);
    expect([status, problem["field"]]).toEqual([400, "header"]);
    expect(problem["detail"]).toMatch(detail);
  }
});

test("what an export gives can be sent back as it is", async () => {
  const { read } = createCsvRows({ signal: "power" });
  read({ number: 1, text: "machine,signal,time,severity,code,message" });
  expect(read({ number: 2, text: 'm,error,2026-03-01T08:00:00Z,INFO,E1,"x' })).toBeUndefined();
  expect(read({ number: 3, text: '"",y"' })).toEqual({
    line: 2,
    row: {
      machine: "m",
      signal: "error",
      time: "2026-03-01T08:00:00Z",
      severity: "INFO",
      code: "E1",
      message: 'x\n",y',
    },
  });
});

test("a quote that does not end, a line that does not end, bytes that are no text", async () => {
  const reader = createCsvRows({ signal: "power" });
  reader.read({ number: 1, text: "machine,time" });
  expect(reader.read({ number: 2, text: 'a,"b' })).toBeUndefined();
  expect(reader.end()).toEqual({
    line: 2,
    row: new UnreadableText("a quoted field is not closed"),
  });
  const long = await send(`${row("a", 1)}\n${"x".repeat(1_100_000)}\n${row("a", 2)}`, ndjson);
  expect(long.body).toMatchObject({
    accepted: 2,
    verdicts: [{ line: 2, message: "the line is longer than 1 MiB" }],
  });
  const bytes = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Uint8Array.of(0x7b, 0xff, 0x0a));
      controller.close();
    },
  });
  expect((await send(bytes, ndjson)).body).toMatchObject({
    status: 400,
    field: "body",
    detail: expect.stringContaining("not UTF-8, in line 1"),
  });
});

test("lines come out as they went in, however they are cut", async () => {
  const line = fc
    .string({ unit: "grapheme", maxLength: 20 })
    .map((text) => text.replace(/[\r\n]/g, ""));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.integer({ min: 1, max: 9 }), async (texts, size) => {
      const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
      async function* chunks() {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      }
      const seen = [];
      for await (const lines of readLines(chunks())) seen.push(...lines);
      expect(seen).toEqual(texts.map((text, i) => ({ number: i + 1, text })));
    }),
  );
});

test("a quote that never closes: every row is accounted for, also what it swallowed", async () => {
  const good = (i: number) =>
    `m-${i % 3},power,2026-03-01T08:00:${String(i % 60).padStart(2, "0")}Z,1`;
  const rows = Array.from({ length: 1_000 }, (_, i) => good(i));
  rows[5] = `"${rows[5]}`;
  const body = `machine,signal,time,value\n${rows.join("\n")}\n`;
  const message = "a quoted field is not closed";
  const { status, body: totals } = await send(body, "text/csv");
  expect([status, totals["accepted"], totals["rejected"]]).toEqual([200, 5, 995]);
  expect(totals["verdicts"]).toMatchObject([
    { line: 7, count: 995, reason: "REQUEST_INVALID", message },
  ]);
  const lines = await fetch(`${gateway.baseUrl}/signals`, {
    method: "POST",
    body,
    headers: { "content-type": "text/csv", accept: ndjson },
  });
  const said = (await lines.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(said).toMatchObject([
    { line: 7, count: 995 },
    { accepted: 5, rejected: 995 },
  ]);
});

test("a record of too many lines is refused with all of them, and what its text holds is no row", () => {
  const reader = createCsvRows({ signal: "power" });
  reader.read({ number: 1, text: "machine,signal,time,value" });
  expect(reader.read({ number: 2, text: 'a,power,now,"' })).toBeUndefined();
  for (let number = 3; number < 3_000; number++)
    expect(reader.read({ number, text: "mill-1,power,2026-03-01,9" })).toBeUndefined();
  const message = "a quoted field has more than 1000 lines: is its closing quote missing?";
  expect(reader.read({ number: 3_000, text: '"' })).toEqual({
    line: 2,
    row: new UnreadableText(message, 2_999),
  });
  expect(reader.read({ number: 3_001, text: "a,power,now,1" })).toMatchObject({
    line: 3_001,
    row: { value: "1" },
  });
  // Cuts by characters, and inside a line that is itself too long.
  reader.read({ number: 3_002, text: `"${"x".repeat(600_000)}` });
  reader.read({ number: 3_003, text: "x".repeat(600_000) });
  const long = new UnreadableText(
    "a quoted field has more than 1 MiB: is its closing quote missing?",
    3,
  );
  expect(reader.read({ number: 3_004, text: '",power,now,1' })).toEqual({ line: 3_002, row: long });
  reader.read({ number: 3_005, text: '"' });
  const skipped = new UnreadableText("the line is longer than 1 MiB", 2);
  expect(reader.read({ number: 3_006, text: undefined })).toEqual({ line: 3_005, row: skipped });
});

test("a header whose quote does not end is named", async () => {
  const { status, body } = await send('"machine,time\nm,now\n', "text/csv");
  expect(status).toBe(400);
  expect(body).toMatchObject({ field: "header", detail: "header: a quoted field is not closed" });
});

test("records come out as they were written, however they are cut into lines; nothing goes uncounted", () => {
  const text = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "b"), maxLength: 8 });
  const write = (value: string) => `"${value.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { maxLength: 20 }), (rows) => {
      const reader = createCsvRows({ signal: "power" });
      const body = ["machine,time", ...rows.map((row) => row.map(write).join(","))].join("\n");
      const read = body
        .split("\n")
        .flatMap((line, i) => reader.read({ number: i + 1, text: line }) ?? []);
      const toRow = ([machine, time]: [string, string]) => ({
        ...(machine && { machine }),
        ...(time && { time }),
      });
      expect(read.map(({ row }) => row)).toEqual(rows.map(toRow));
    }),
  );
  const line = fc.string({ unit: fc.constantFrom("a", '"', ","), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      const reader = createCsvRows({ signal: "power" });
      reader.read({ number: 1, text: "machine,time" });
      const read = [...lines.map((text, i) => reader.read({ number: i + 2, text })), reader.end()];
      const counts = read.map((one) =>
        one?.row instanceof UnreadableText ? one.row.lines : one ? 1 : 0,
      );
      const spanned = read.flatMap((one, i) => (one ? [[one.line, i + 1] as const] : []));
      // A record that could be read may span lines; for all others, each line counts.
      for (const [i, one] of read.entries())
        if (one?.row instanceof UnreadableText)
          expect(counts[i]).toBe(Math.min(i + 2, lines.length + 1) - one.line + 1);
      expect(spanned.map(([start]) => start)).toEqual(
        spanned.map(([start]) => start).toSorted((a, b) => a - b),
      );
    }),
  );
});

test("what is exported comes back: CR, LF and CRLF in texts and as line ends, however the body is cut", async () => {
  const text = fc.string({
    unit: fc.constantFrom("a", '"', ",", "\n", "\r", "\r\n", " "),
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(text, text, text), { minLength: 1, maxLength: 12 }),
      fc.constantFrom("\n", "\r\n"),
      fc.integer({ min: 1, max: 7 }),
      async (rows, lineEnd, size) => {
        const lines = [["machine", "time", "reason"], ...rows].map(
          (row) => toCsvLine(row).slice(0, -1) + lineEnd,
        );
        const bytes = Buffer.from(lines.join(""));
        const pieces = async function* () {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        };
        const reader = createCsvRows({ signal: "power" });
        const read: unknown[] = [];
        for await (const some of readLines(pieces()))
          for (const line of some) {
            const row = reader.read(line)?.row;
            if (row !== undefined) read.push(row);
          }
        expect(reader.end()).toBeUndefined();
        const member = (name: string, value: string) => (value === "" ? {} : { [name]: value });
        const expected = rows.map(([machine, time, reason]) => ({
          ...member("machine", machine),
          ...member("time", time),
          ...member("reason", reason),
        }));
        expect(read).toEqual(expected);
      },
    ),
  );
});

test("a posted text keeps the CR of its line ends, in bodies of either line end", async () => {
  for (const lineEnd of ["\n", "\r\n"]) {
    const lines = [
      "machine,signal,time,reason,state",
      'm,state,now,"a\r\nb\nc\rd",IDLE',
      '"m",state,now,plain,"IDLE"',
    ];
    const { body } = await send(lines.map((line) => line + lineEnd).join(""), "text/csv");
    expect(body).toMatchObject({ accepted: 2, rejected: 0 });
    expect(taken.at(-1)!.batch!.stateChanges.map(({ reason }) => reason)).toEqual([
      "a\r\nb\nc\rd",
      "plain",
    ]);
  }
});
