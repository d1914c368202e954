// Recorded signals: both formats, every shape of a row, bad lines by number, bounded memory.
import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Batch, MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { createLog } from "../runtime/log.ts";
import { timesOf } from "../samples/wire.ts";
import { countRecords } from "./batch.ts";
import { type InputOptions, sendInput } from "./input.ts";
import { readLines } from "./lines.ts";

const timeUs = Date.UTC(2026, 2, 1, 8) * 1000;
const time = "2026-03-01T08:00:00Z";

async function send(text: string | Iterable<Uint8Array>, options: Partial<InputOptions> = {}) {
  const batches: Batch[] = [];
  const log: string[] = [];
  const summary = await sendInput({
    source: Readable.from(typeof text === "string" ? [Buffer.from(text)] : text),
    log: createLog({ name: "test", format: "pretty", color: false, sink: (line) => log.push(line.slice(13).trim()) }),
    signal: new AbortController().signal,
    intervalMs: 60_000,
    append: async (batch) => void batches.push(batch),
    ...options,
  });
  return { batches, log, summary };
}

/** The records of batches as flat rows. */
function rowsOf(batches: readonly Batch[]) {
  return batches.flatMap(({ machine, stateChanges, errorReports, samples }) => [
    ...stateChanges.map(({ time, state, reason }) => ({ machine, seconds: Number(time!.seconds), state, reason })),
    ...errorReports.map(({ severity, code, message }) => ({ machine, severity, code, message })),
    ...samples.flatMap((column) => {
      const { signal, unit, values } = column;
      const times = timesOf(column);
      return values.map((value, i) => ({ machine, signal, unit, timeUs: times[i], value }));
    }),
  ]);
}

const expected = [
  { machine: "mill-1", seconds: timeUs / 1e6, state: MachineState.ACTIVE, reason: "Job 7" },
  { machine: "mill-1", severity: Severity.ERROR, code: "E1", message: "Door, open" },
  { machine: "mill-1", signal: "power", unit: "W", timeUs, value: 4211.7 },
];

test("NDJSON in the contract's shape", async () => {
  const { batches, summary } = await send(
    [
      { machine: "mill-1", signal: "state", time, stateChange: { state: "MACHINE_STATE_ACTIVE", reason: "Job 7" } },
      {
        machine: "mill-1",
        signal: "error",
        time,
        errorReport: { severity: "SEVERITY_ERROR", code: "E1", message: "Door, open" },
      },
      { machine: "mill-1", signal: "power", time, value: 4211.7 },
    ]
      .map((row) => JSON.stringify(row))
      .join("\n"),
  );
  expect(rowsOf(batches)).toEqual(expected);
  expect(summary).toEqual({ lines: 3, records: 3, badLines: 0 });
});

test("NDJSON in the short shape, with a byte order mark, blank lines and CRLF", async () => {
  const { batches, summary } = await send(
    `\ufeff\r\n${[
      { machine: "mill-1", signal: "state", time, state: "active", reason: "Job 7" },
      { machine: "mill-1", signal: "error", time, severity: "ERROR", code: "E1", message: "Door, open" },
      { machine: "mill-1", signal: "power", time: timeUs / 1000, value: "4211.7" },
    ]
      .map((row) => `${JSON.stringify(row)}\r\n\r\n`)
      .join("")}`,
  );
  expect(rowsOf(batches)).toEqual(expected);
  expect(summary.badLines).toBe(0);
});

test("CSV with a header, in any order of columns", async () => {
  const { batches } = await send(
    `time,machine,signal,value,state,reason,severity,code,message
${time},mill-1,state,,ACTIVE,Job 7,,,
${time},mill-1,error,,,,ERROR,E1,"Door, open"
${time},mill-1,power,4211.7,,,,,
`,
  );
  expect(rowsOf(batches)).toEqual(expected);
});

test("times keep microseconds and cut what is finer; zones count", async () => {
  const { batches } = await send(
    ["2026-03-01T08:00:00.123456789Z", "2026-03-01T09:00:00.5+01:00"]
      .map((at) => JSON.stringify({ machine: "m", signal: "x", time: at, value: 1, unit: "K" }))
      .join("\n"),
  );
  expect(rowsOf(batches)).toMatchObject([{ timeUs: timeUs + 123_456, unit: "K" }, { timeUs: timeUs + 500_000 }]);
});

test("bad lines are reported by number and reason, and the rest goes on", async () => {
  const good = (n: number) => JSON.stringify({ machine: "m", signal: "power", time, value: n });
  const bad: [line: string, reason: RegExp][] = [
    ["{oops", /not JSON/],
    ["[1]", /not a JSON object/],
    [JSON.stringify({ signal: "power", time, value: 1 }), /machine: missing/],
    [JSON.stringify({ machine: "press 7", signal: "power", time, value: 1 }), /machine: "press 7" is not/],
    [JSON.stringify({ machine: "m", signal: "Power", time, value: 1 }), /signal: "Power" is not/],
    [
      JSON.stringify({ machine: "m", signal: "power", time: "yesterday", value: 1 }),
      /time: "yesterday" is not a time such as/,
    ],
    [JSON.stringify({ machine: "m", signal: "power", time: "2026-02-30T00:00:00Z", value: 1 }), /time: /],
    [JSON.stringify({ machine: "m", signal: "power", value: 1 }), /time: missing/],
    [JSON.stringify({ machine: "m", signal: "power", time, value: "NaN" }), /value: "NaN" is not a finite number/],
    [JSON.stringify({ machine: "m", signal: "power", time, value: null }), /value: missing/],
    [JSON.stringify({ machine: "m", signal: "power", time, value: true }), /value: true is not/],
    [
      JSON.stringify({ machine: "m", signal: "state", time, state: "BUSY" }),
      /state: "BUSY" is not one of ACTIVE, IDLE, FAULT, OFF/,
    ],
    [JSON.stringify({ machine: "m", signal: "state", time }), /state: missing/],
    [JSON.stringify({ machine: "m", signal: "state", time, state: "IDLE", reason: "a\0b" }), /reason: holds U\+0000/],
    [JSON.stringify({ machine: "m", signal: "error", time, severity: "ERROR" }), /code: missing/],
    [
      JSON.stringify({ machine: "m", signal: "error", time, severity: "ERROR", code: "x".repeat(65) }),
      /code: longer than 64/,
    ],
    [`"${"x".repeat(70_000)}"`, /longer than 65536 characters/],
  ];
  const { batches, log, summary } = await send(
    [good(0), ...bad.map(([line], i) => `${line}\n${good(i + 1)}`)].join("\n"),
  );
  expect(summary).toEqual({ lines: 1 + 2 * bad.length, records: 1 + bad.length, badLines: bad.length });
  expect(batches[0]!.samples[0]!.values).toEqual([0, ...bad.map((_, i) => i + 1)]);
  for (const [i, [, reason]] of bad.entries()) {
    expect(log[i]).toMatch(new RegExp(`^warn +input line ${2 * i + 2}: `));
    expect(log[i]).toMatch(reason);
  }
});

test("a stray quote in a CSV costs its line only", async () => {
  const { batches, log } = await send(`machine,signal,time,value
m,x,${time},1
m,x,"${time},2
m,x,${time},3,4
m"n,x,"${time}",5
"m",x,"${time}",6
`);
  expect(batches[0]!.samples[0]!.values).toEqual([1, 6]);
  expect(log.map((line) => /input line (\d+): (not CSV|5 fields)/.exec(line)?.slice(1, 3))).toEqual([
    ["3", "not CSV"],
    ["4", "5 fields"],
    ["5", "not CSV"],
  ]);
});

test.each([
  ["machine,signal,time,valeu\n", /unknown columns "valeu"/],
  ["machine,signal,value\n", /missing columns time/],
  ["machine,signal,time,time\n", /a column twice/],
  ["just some text\n", /neither NDJSON nor a CSV header/],
])("a header that is none ends the input: %j", async (text, message) => {
  await expect(send(text)).rejects.toThrow(message);
});

test("after 100 bad lines the others are only counted", async () => {
  const { log, summary } = await send(`{}\n${"[]\n".repeat(500)}`);
  expect(summary.badLines).toBe(501);
  expect(log).toHaveLength(101);
  expect(log.at(-1)).toMatch(/only counted/);
});

test("records gather into batches of one machine each, within 10,000 records", async () => {
  const lines: string[] = ["machine,signal,time,value"];
  for (let i = 0; i < 30_000; i++) lines.push(`m-${i % 2},x,${timeUs / 1000 + i},${i}`);
  const { batches } = await send(lines.join("\n"));
  expect(batches.map(countRecords)).toEqual([10_000, 10_000, 5000, 5000]);
  const values = batches.filter(({ machine }) => machine === "m-1").flatMap(({ samples }) => samples[0]!.values);
  expect(values).toEqual(Array.from({ length: 15_000 }, (_, i) => 2 * i + 1));
  expect(batches[0]!.samples[0]!.times).toMatchObject({ case: "grid", value: { periodUs: 2000n } });
});

test("long texts make smaller batches", async () => {
  const message = "ö".repeat(1024);
  const row = JSON.stringify({ machine: "m", signal: "error", time, severity: "INFO", code: "I1", message });
  const { batches } = await send(`${row}\n`.repeat(1000));
  expect(batches.length).toBeGreaterThan(4);
  expect(batches.reduce((sum, batch) => sum + batch.errorReports.length, 0)).toBe(1000);
});

test("reading waits while batches are not taken", async () => {
  let pulled = 0;
  const line = Buffer.from(`${JSON.stringify({ machine: "m", signal: "x", time, value: 1 })}\n`.repeat(1000));
  function* source() {
    for (; pulled < 1000; pulled++) yield line;
  }
  const stop = new AbortController();
  const { promise: blocked, resolve: onBlocked } = Promise.withResolvers<void>();
  const sending = send(source(), {
    signal: stop.signal,
    append: () => {
      onBlocked();
      return new Promise((_, reject) => stop.signal.addEventListener("abort", () => reject(stop.signal.reason)));
    },
  });
  await blocked;
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  expect(pulled).toBeLessThan(100);
  stop.abort(new Error("stopped"));
  await expect(sending).rejects.toThrow("stopped");
});

test("records of an input that pauses do not wait for its end", async () => {
  const source = new Readable({ read() {} });
  const { promise: sent, resolve } = Promise.withResolvers<Batch>();
  const sending = send([], { source, intervalMs: 1, append: async (batch) => resolve(batch) });
  source.push(`${JSON.stringify({ machine: "m", signal: "x", time, value: 1 })}\n`);
  expect(rowsOf([await sent])).toHaveLength(1);
  source.push(null);
  expect((await sending).summary.records).toBe(1);
});

test("a failure to send ends an input that waits for more", async () => {
  const source = new Readable({ read() {} });
  const sending = send([], { source, intervalMs: 1, append: () => Promise.reject(new Error("no uplink")) });
  source.push(`${JSON.stringify({ machine: "m", signal: "x", time, value: 1 })}\n`);
  await expect(sending).rejects.toThrow("no uplink");
});

test("lines are the same however their bytes are cut", async () => {
  const text = fc.array(fc.string({ unit: fc.constantFrom("a", "ö", "😀", "\n", "\r\n", " "), maxLength: 20 }));
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(200)), async (parts, cuts) => {
      const bytes = Buffer.from(parts.join(""));
      const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
        (a, b) => a - b,
      );
      async function* chunks() {
        for (const [i, end] of edges.slice(1).entries()) yield bytes.subarray(edges[i], end);
      }
      const lines: (string | undefined)[] = [];
      for await (const { first, texts } of readLines(chunks(), { maxLength: 1000 })) {
        expect(first).toBe(lines.length + 1);
        lines.push(...texts);
      }
      const whole = bytes.toString().split("\n");
      if (whole.at(-1) === "") whole.pop();
      expect(lines).toEqual(whole.map((line) => line.replace(/\r$/, "")));
    }),
  );
});

test("a line that is too long is skipped whole, wherever it is cut", async () => {
  async function* chunks() {
    for (const chunk of ["ok\nxx", "xxx", "xxxx", "yyy\nfine\n", "zzzzzzzzzz"]) yield Buffer.from(chunk);
  }
  const lines: (string | undefined)[] = [];
  for await (const { texts } of readLines(chunks(), { maxLength: 4 })) lines.push(...texts);
  expect(lines).toEqual(["ok", undefined, "fine", undefined]);
});
