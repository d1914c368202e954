// Both doors for rows, POST and --input, accept and refuse the same lines, in the same words.
import { Readable } from "node:stream";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { takeEverything } from "../gateway/testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../gateway/testing/gateway.ts";
import { sendInput } from "../producer/input/input.ts";
import { createLog } from "../runtime/log.ts";

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await openTestGateway();
  gateway.accessor.ingest = takeEverything([]);
});
afterAll(() => gateway[Symbol.asyncDispose]());

type Said = { taken: number; refused: Record<number, string> };

/** The refused lines and their reasons: one line for each row. */
async function byPost(text: string, type: string): Promise<Said> {
  const { body } = await gateway.ask("/signals", {
    method: "POST",
    body: text,
    headers: { "content-type": type },
  });
  if (body["verdicts"] === undefined) return { taken: 0, refused: { 0: String(body["detail"]) } };
  const refused: Said["refused"] = {};
  for (const { line, count, message } of body["verdicts"] as {
    line: number;
    count: number;
    message: string;
  }[])
    for (let i = 0; i < count; i++) refused[line + i] = message;
  return { taken: body["accepted"] as number, refused };
}

async function byInput(text: string): Promise<Said> {
  const refused: Said["refused"] = {};
  const sink = (line: string) => {
    const [, first, last = first, message = ""] = /^input line (\d+)(?: to (\d+))?: (.*)$/s.exec(
      JSON.parse(line).message,
    )!;
    for (let at = Number(first); at <= Number(last); at++) refused[at] = message;
  };
  try {
    const summary = await sendInput({
      source: Readable.from([Buffer.from(text)]),
      log: createLog({ name: "test", format: "json", sink }),
      abort: new AbortController().signal,
      batchIntervalMs: 60_000,
      append: async () => {},
    });
    expect(summary.lines).toBe(summary.records + summary.badLines);
    return { taken: summary.records, refused };
  } catch (error) {
    const { part, message } = error as { part: string; message: string };
    return { taken: 0, refused: { 0: `${part}: ${message}` } };
  }
}

/** All answers of the doors together: comparing nothing would prove nothing. */
const said = { taken: 0, words: new Set<string>() };
function note({ taken, refused }: Said): void {
  said.taken += taken;
  for (const words of Object.values(refused)) said.words.add(words);
}

function expectSame(one: Said, other: Said): Said {
  expect(one).toEqual(other);
  return one;
}

const times = [
  "2026-03-01",
  "2026-01-05 00:00:00.5+00",
  "2026-03-01T08:00Z",
  "2016-12-31T23:59:60Z",
  "1772352000000.003",
  "1772352000",
  "0",
  "now",
  "2026-03-01 08:00:00",
  "yesterday",
  "",
  "2026-03-01T08:00:00,5+0200",
  " 1772352000000 ",
];
const values = ["1", "-0", "4.5e1", "0x10", "412,3", "NaN", "", " 2 ", "1e999", "true", ".5", "+1"];
const machines = ["mill-1", "Presse 3", "", " m", "a\u202eb", "."];
const signals = ["power", "state", "Power", "error", ""];

const cell = (words: readonly string[]) => fc.constantFrom(...words);
const csvLine = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      cell(machines),
      cell(signals),
      cell(times),
      cell(values),
      cell(["", "W", "20m", "IDLE", "step"]),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ["  "],
      [""],
      ["m", "power"],
      ['"m', "power"],
      ['m"', "power", "now", "1", ""],
    ),
  },
);
const quoted = (text: string) => (/[,\n]/.test(text) ? `"${text}"` : text);

test("of CSV", async () => {
  const header = fc.constantFrom(
    "machine,signal,time,value,unit",
    "machine,signal,time,value,max_gap",
    "machine,signal,time,value,sample_type",
    "machine,time,valeu",
  );
  await fc.assert(
    fc.asyncProperty(header, fc.array(csvLine, { maxLength: 12 }), async (first, rows) => {
      const text = [first, ...rows.map((cells) => cells.map(quoted).join(","))].join("\n");
      note(expectSame(await byInput(text), await byPost(text, "text/csv")));
    }),
    { numRuns: 150 },
  );
});

test("of NDJSON", async () => {
  const row = fc.record(
    {
      machine: fc.oneof(cell(machines), fc.constant(7)),
      signal: cell(signals),
      time: fc.oneof(
        cell(times),
        fc.constantFrom(1_772_352_000_000, 1_772_352_000, 1.5, 1e30, null),
      ),
      value: fc.oneof(cell(values), fc.double(), fc.constant(null)),
      unit: fc.constantFrom("W", "", 5, null),
      max_gap: fc.constantFrom("20m", "00:20:00", 20, "2d"),
      sample_type: fc.constantFrom("step", "SAMPLE_TYPE_COUNTER", "Linear", "", "steps", 2, null),
      state: fc.constantFrom("idle", "MACHINE_STATE_OFF", "BUSY", 1),
      untit: fc.constant("kW"),
    },
    { requiredKeys: ["machine", "signal", "time"] },
  );
  const line = fc.oneof(
    { weight: 8, arbitrary: row.map((one) => JSON.stringify(one)) },
    fc.constantFrom("", " ", "[1]", "{", "null"),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
      // --input treats a text that begins with "{" as NDJSON.
      const text = ['{"machine":"m","signal":"x","time":"now","value":1}', ...lines].join("\n");
      note(expectSame(await byInput(text), await byPost(text, "application/x-ndjson")));
    }),
    { numRuns: 150 },
  );
});

test("many were taken, and refused for many reasons", () => {
  expect(said.taken).toBeGreaterThan(100);
  expect(said.words.size).toBeGreaterThan(20);
});
