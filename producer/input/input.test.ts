// Recorded signals: both formats, every shape of a row, bad lines by number.
import { expect, test } from "vitest";
import { MachineState, SampleType, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { BadText } from "../../codec/row/unreadable.ts";
import { rowsOf, send } from "../testing/input.ts";

const timeUs = Date.UTC(2026, 2, 1, 8) * 1000;
const time = "2026-03-01T08:00:00Z";

const expected = [
  { machine: "mill-1", seconds: timeUs / 1e6, state: MachineState.ACTIVE, reason: "Job 7" },
  { machine: "mill-1", severity: Severity.ERROR, code: "E1", message: "Door, open" },
  { machine: "mill-1", signal: "power", unit: "", timeUs, value: 4211.7 },
];

test("NDJSON in the contract's shape", async () => {
  const { batches, summary } = await send(
    [
      {
        machine: "mill-1",
        signal: "state",
        time,
        stateChange: { state: "MACHINE_STATE_ACTIVE", reason: "Job 7" },
      },
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
      {
        machine: "mill-1",
        signal: "error",
        time,
        severity: "ERROR",
        code: "E1",
        message: "Door, open",
      },
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
  expect(rowsOf(batches)).toMatchObject([
    { timeUs: timeUs + 123_456, unit: "K" },
    { timeUs: timeUs + 500_000 },
  ]);
});

test("bad lines are reported by number and reason, and the rest goes on", async () => {
  const good = (n: number) => JSON.stringify({ machine: "m", signal: "power", time, value: n });
  const row = (more: object) =>
    JSON.stringify({ machine: "m", signal: "power", time, value: 1, ...more });
  const bad: [line: string, reason: RegExp][] = [
    ["{oops", /not JSON/],
    ["[1]", /a row must be a JSON object/],
    [row({ machine: "" }), /machine: a text is required/],
    [row({ signal: "Power" }), /signal "Power" does not fit/],
    [row({ time: "yesterday" }), /time: expected RFC 3339/],
    [row({ time: "2026-02-30T00:00:00Z" }), /time: there is no day 2026-02-30/],
    [row({ time: 20_260_301 }), /time: this looks like a date: write 2026-03-01/],
    [row({ time: "2026-03-01 08:00:00" }), /time: a time without a zone: add Z/],
    [
      row({ time: 1_772_352_000 }),
      /time: these look like seconds: declare epoch=s \(producer flag: --epoch s\)/,
    ],
    [row({ time: null }), /time: missing/],
    [row({ value: "NaN" }), /NaN and infinities are not measurements/],
    [row({ value: "0x10" }), /value: expected a number/],
    [row({ value: null }), /value: missing/],
    [row({ value: true }), /value: expected a number/],
    [row({ untit: "kW" }), /"untit" is not a field of a row: is "unit" meant\?/],
    [row({ state: "IDLE" }), /state: not a field of a sample/],
    [row({ max_gap: 20 }), /max_gap: expected a length of time/],
    [row({ sample_type: "stepp" }), /sample_type must be LINEAR, STEP or COUNTER/],
    [row({ sample_type: 2 }), /sample_type must be LINEAR, STEP or COUNTER/],
    [
      row({ signal: "state", value: "", state: "BUSY" }),
      /state must be ACTIVE, IDLE, FAULT or OFF/,
    ],
    [
      row({ signal: "state", value: "", stateChange: { stat: 1 } }),
      /"stat" is not a field of stateChange: is "state" meant/,
    ],
    [row({ signal: "state", value: "", state: "IDLE", reason: "a\0b" }), /reason contains U\+0000/],
    [
      row({ signal: "state", value: "", state: "IDLE", reason: "a\ud800b" }),
      /reason contains half a surrogate pair/,
    ],
    [row({ signal: "error", value: "", severity: "ERROR" }), /code is required/],
    [
      row({ signal: "error", value: "", severity: "ERROR", code: "x".repeat(65) }),
      /code has 65 characters; at most 64/,
    ],
    [`"${"x".repeat(1_100_000)}"`, /longer than 1 MiB/],
  ];
  const { batches, log, summary } = await send(
    [good(0), ...bad.map(([line], i) => `${line}\n${good(i + 1)}`)].join("\n"),
  );
  expect(summary).toEqual({
    lines: 1 + 2 * bad.length,
    records: 1 + bad.length,
    badLines: bad.length,
  });
  expect(batches[0]!.samples[0]!.values).toEqual([0, ...bad.map((_, i) => i + 1)]);
  for (const [i, [, reason]] of bad.entries()) {
    expect(log[i]).toMatch(new RegExp(`^warn +input line ${2 * i + 2}: `));
    expect(log[i]).toMatch(reason);
  }
});

test("a stray quote in a CSV costs the rows that it swallows, and each of them is counted", async () => {
  const { batches, log, summary } = await send(`machine,signal,time,value
m,x,${time},1
m,x,"${time},2
m,x,${time},3
m,x,"${time}",4
m,x,${time},5,6
"m" , x ,  "${time}" ,7
   
m,x,"${time},8
m,x,${time},9
`);
  expect(batches[0]!.samples[0]!.values).toEqual([1, 7]);
  expect(log.map((line) => /input line (.*?): (.*)/.exec(line)!.slice(1))).toEqual([
    ["3 to 5", "a quoted field has text after its closing quote"],
    ["6", "5 fields, but the header names 4"],
    ["9 to 10", "a quoted field is not closed"],
  ]);
  expect(summary).toEqual({ lines: 8, records: 2, badLines: 6 });
});

test.each([
  ["machine,signal,time,valeu\n", 'header: "valeu" is not a column: is "value" meant?'],
  ["machine,signal,value\n", "header: the first line must name the columns, including time"],
  ["machine,signal,time,time\n", "header: time appears twice"],
  [
    "machine,time,value\n",
    "header: no column names the signal: add a column signal, or set one for all rows with type=power (--type power)",
  ],
  ["just some text\n", /^header: "just some text" is not a column/],
  [
    "Zeit;Maschine;Leistung [kW]\n",
    /^header: "zeit" is not a column: .*column=Zeit=FIELD \(producer flag: --column/,
  ],
  ["\xff\xfem\0", /^body: UTF-16: save it as UTF-8/],
  ["machine,signal,time,reason\nm,state,now,\xd6l\n", /^body: not UTF-8, in line 1 or after it/],
])("a text that is none of rows ends the input: %j", async (text, message) => {
  const said = await send([Buffer.from(text, "latin1")]).catch((error) => error);
  expect(said).toBeInstanceOf(BadText);
  if (typeof message === "string") expect(`${said.part}: ${said.message}`).toBe(message);
  else expect(`${said.part}: ${said.message}`).toMatch(message);
});

test("what is declared once holds for rows that do not say it; quoted line ends and dates are read", async () => {
  const { batches, summary } = await send(
    'machine,time,value,unit,max_gap,sample_type\nm,1772352000.5,1,,,\n"m",2026-03-01,2,F,1 day,Counter\n',
    {
      format: {
        ...{ signal: "heat", unit: "K", maxGapUs: 1_200_000_000, sampleType: SampleType.STEP },
        epoch: "s",
      },
    },
  );
  expect(rowsOf(batches)).toMatchObject([
    { signal: "heat", unit: "K", timeUs: timeUs + 500_000, value: 1 },
    { signal: "heat", unit: "F", timeUs: timeUs - 8 * 3600e6, value: 2 },
  ]);
  expect(batches[0]!.samples.map(({ maxGap }) => maxGap!.seconds)).toEqual([1200n, 86_400n]);
  expect(batches[0]!.samples.map((column) => column.sampleType)).toEqual([
    SampleType.STEP,
    SampleType.COUNTER,
  ]);
  expect(summary).toEqual({ lines: 2, records: 2, badLines: 0 });
  const text = await send(
    'machine,signal,time,state,reason\nm,state,now,IDLE," a\nb"\nm,state,now,OFF, c\n',
  );
  expect(text.batches[0]!.stateChanges.map(({ reason }) => reason)).toEqual([" a\nb", " c"]);
});

test("after 100 bad lines the others are only counted", async () => {
  const { log, summary } = await send(`{}\n${"[]\n".repeat(500)}`);
  expect(summary.badLines).toBe(501);
  expect(log).toHaveLength(101);
  expect(log.at(-1)).toMatch(/only counted/);
});
