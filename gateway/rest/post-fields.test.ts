// POST /signals: what the fields of a row may hold, which there are, and what is declared once.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SampleTypeSchema } from "#gen/millrace/v1/signal_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import { invalidField } from "../errors/reasons.ts";
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

const time = "2026-03-01T08:00:00Z";
const power = (machine: string, value: number) => ({ machine, signal: "power", time, value });

const json = { headers: { "content-type": "application/json" } };

test("-0 arrives as -0, digits as a text as their number, and what is no number is refused", async () => {
  const rows = '{"machine":"m","signal":"power","time":"now","value":';
  const values = [
    "-0",
    '"-0"',
    '"4.5e1"',
    '"NaN"',
    '"-Infinity"',
    "null",
    "1e400",
    '"0x10"',
    '"412,3"',
    "true",
  ];
  const { body } = await gateway.post(
    "/signals",
    `{"signals":[${values.map((value) => `${rows}${value}}`).join(",")}]}`,
  );
  const taking = taken[0]!.batch!.samples[0]!.values;
  expect(taking.map((value) => (Object.is(value, -0) ? "-0" : value))).toEqual(["-0", "-0", 45]);
  const notFinite = "NaN and infinities are not measurements: leave the sample out";
  expect(
    (body["verdicts"] as { row: number; count: number; message: string }[]).map(Object.values),
  ).toEqual(
    [
      [3, 2, notFinite],
      [5, 1, "value: missing"],
      [6, 1, "value: a number beyond the range of float64"],
      [7, 1, "value: expected a number, such as 412.3 or 4.1e-3"],
      [8, 1, "value: a decimal comma: write the number with a point, such as 1234.5"],
      [9, 1, "value: expected a number, such as 412.3 or 4.1e-3"],
    ].map(([row, count, message]) => [row, count, "VALUE_NOT_FINITE", false, message]),
  );
});

test("a row with an unknown field is refused with its name, whatever it is called; none becomes anything", async () => {
  const row = '"machine":"m","signal":"power","time":"2026-03-01T08:00:00Z","value":1';
  const body = `{"signals":[{${row},"untit":"kW"},{${row},"constructor":{"x":1},"maxgap":"1h"},{${row},"max_gap":"1h"}]}`;
  const { status, body: answer } = await gateway.post("/signals", body);
  expect([status, answer["accepted"], answer["rejected"]]).toEqual([200, 1, 2]);
  expect(answer["verdicts"]).toMatchObject([
    {
      row: 0,
      reason: "REQUEST_INVALID",
      message: '"untit" is not a field of a row: is "unit" meant?',
    },
    {
      row: 1,
      message: expect.stringMatching(
        /^"constructor" is not a field of a row: .*; neither are "maxgap"$/,
      ),
    },
  ]);
  const poisoned = await gateway.post(
    "/signals",
    `{"signals":[{"__proto__":{"machine":"m"},${row}}]}`,
  );
  expect([poisoned.status, poisoned.body["verdicts"]]).toEqual([
    422,
    [
      expect.objectContaining({
        message: expect.stringMatching(/^"__proto__" is not a field of a row: known are/),
      }),
    ],
  ]);
  const [inBatch, inPatch] = [
    await gateway.post("/signals", '{"machine":"m","__proto__":{"x":1}}'),
    await gateway.ask("/machines/m/signals/power", {
      ...json,
      method: "PATCH",
      body: '{"__proto__":{"unit":"kW"}}',
    }),
  ];
  expect([inBatch.status, inBatch.body["detail"]]).toEqual([
    400,
    expect.stringContaining('"__proto__" is unknown'),
  ]);
  expect([inPatch.status, inPatch.body["detail"]]).toEqual([
    400,
    expect.stringContaining('"__proto__" is not'),
  ]);
  const lines = await gateway.ask("/signals", {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: `{"__proto__":{${row}}}\n{${row},"__proto__":{"unit":"kW"}}\n{${row},"${"x".repeat(300)}":1}\n`,
  });
  expect(lines.body).toMatchObject({
    rejected: 3,
    verdicts: [
      { line: 1, count: 2, message: expect.stringMatching(/^"__proto__" is not/) },
      { line: 3 },
    ],
  });
  expect(({} as Record<string, unknown>)["machine"]).toBeUndefined();
  const many = Array.from({ length: 100 }, (_, i) => `"f${i}":0`).join(",");
  const wide = await gateway.post("/signals", `{"signals":[{${row},${many}}]}`);
  expect(wide.body["verdicts"]).toMatchObject([
    { row: 0, message: expect.stringMatching(/and 90 more$/) },
  ]);
});

test("a field that belongs to another kind of signal is refused too, and texts that are none", async () => {
  const at = { machine: "m", time };
  const { body } = await gateway.post("/signals", {
    signals: [
      { ...at, signal: "state", state: "IDLE", value: 1 },
      { ...at, signal: "power", value: 1, reason: "x" },
      { ...at, signal: "error", severity: "ERROR", code: 4711 },
      { ...at, signal: "power", value: 1, max_gap: 20 },
      { ...at, signal: "power", value: 1, max_gap: "25h" },
      { ...at, signal: "power", value: 1, sample_type: "stepwise" },
      { ...at, signal: "state", state: "IDLE", sample_type: "step" },
      { ...at, signal: "power", value: 1, reason: null, state: "" },
    ],
  });
  expect((body["verdicts"] as { message: string }[]).map(({ message }) => message)).toEqual([
    "value: not a field of a state change",
    "reason: not a field of a sample",
    "code: a text is expected, in quotes",
    'max_gap: expected a length of time with its unit as a text, such as "20m" or "1200s"',
    "max_gap must be above 0 and at most 24 h",
    "sample_type must be LINEAR, STEP or COUNTER",
    "sample_type: not a field of a state change",
  ]);
  expect(body["accepted"]).toBe(1);
});

test("rows declare unit and max_gap, themselves or by parameters; columns that declare come first", async () => {
  const signals = [
    power("m", 1),
    { ...power("m", 2), unit: "kW", max_gap: "20m" },
    { ...power("m", 3), max_gap: "00:00:00.5" },
  ];
  await gateway.post("/signals", { signals });
  expect(taken[0]!.batch!.samples).toMatchObject([
    { unit: "kW", maxGap: { seconds: 1200n, nanos: 0 }, values: [2] },
    { unit: "", maxGap: { seconds: 0n, nanos: 500_000_000 }, values: [3] },
    { unit: "", values: [1] },
  ]);
  expect(taken[0]!.batch!.samples[2]!.maxGap).toBeUndefined();
  const row = { machine: "m", time: 1_772_352_000, value: 1 };
  await gateway.post("/signals?type=heat&unit=K&max_gap=1.5h&epoch=s", {
    signals: [row, { ...row, unit: "F" }],
  });
  const shared = {
    signal: "heat",
    maxGap: { seconds: 5400n },
    times: { value: { startUs: 1_772_352_000_000_000n } },
  };
  expect(taken[1]!.batch!.samples).toMatchObject([
    { ...shared, unit: "K" },
    { ...shared, unit: "F" },
  ]);
  await gateway.post("/signals?type=heat&unit=%20K%20&epoch=s", {
    signals: [...["", " ", "K", "\tK "].map((unit) => ({ ...row, unit })), { ...row, unit: " F" }],
  });
  expect(taken[2]!.batch!.samples).toMatchObject([
    { unit: "K", values: { length: 4 } },
    { unit: "F", values: { length: 1 } },
  ]);
  for (const [name, value] of [
    ["max_gap", "25h"],
    ["max_gap", "0s"],
    ["unit", "x".repeat(33)],
    ["epoch", "days"],
  ] as const) {
    const { status, body } = await gateway.post(`/signals?${name}=${value}`, { signals });
    expect([status, body["field"]]).toEqual([400, name]);
  }
  const batch = await gateway.post("/signals?epoch=s", { machine: "m" });
  expect([batch.status, batch.body["field"]]).toEqual([400, "epoch"]);
});

test("rows and columns declare a sample_type in any spelling; another one is told which there are", async () => {
  const types = () =>
    taken.at(-1)!.batch!.samples.map(({ sampleType }) => toWord(SampleTypeSchema, sampleType));
  const words = ["step", "Counter", "SAMPLE_TYPE_LINEAR", "sample_type_step"];
  await gateway.post("/signals", {
    signals: [
      ...words.map((sample_type) => ({ ...power("m", 1), sample_type })),
      { ...power("m", 1), sampleType: "STEP" },
      power("m", 1),
    ],
  });
  expect(types()).toEqual(["STEP", "COUNTER", "LINEAR", "UNSPECIFIED"]);
  expect(taken.at(-1)!.batch!.samples[0]!.values).toHaveLength(3);
  await gateway.ask("/signals?sample_type=step", {
    method: "POST",
    headers: { "content-type": "text/csv" },
    body: `machine,signal,time,value,sample_type\nm,heat,${time},1,\nm,energy,${time},1,counter\n`,
  });
  expect(types()).toEqual(["STEP", "COUNTER"]);
  const unknown = await gateway.post("/signals?sample_type=stair", { signals: [power("m", 1)] });
  expect(unknown.body).toMatchObject({
    field: "sample_type",
    detail: expect.stringMatching(/LINEAR, STEP, COUNTER/),
  });
  const grid = { startUs: "1772352000000000", periodUs: "10000" };
  for (const sent of [
    { sample_type: "step" },
    { sampleType: "SAMPLE_TYPE_STEP" },
    { sample_type: 2 },
  ]) {
    await gateway.post("/signals", {
      machine: "m",
      samples: [{ signal: "heat", grid, values: [1], ...sent }],
    });
    expect(types()).toEqual(["STEP"]);
  }
  const columns = {
    machine: "m",
    samples: [{ signal: "heat", grid, values: [1], sample_type: "stair" }],
  };
  expect((await gateway.post("/signals", columns)).body).toMatchObject({
    ...{
      status: 400,
      field: "sample_type",
      detail: "sample_type: must be LINEAR, STEP or COUNTER",
    },
  });
});

test("what a row says twice is refused, whether or not it says the same: nothing is left out in silence", async () => {
  const state = { machine: "m", signal: "state", time };
  const error = { machine: "m", signal: "error", time };
  const told = async (row: Record<string, unknown>) => {
    const { body } = await gateway.post("/signals", { signals: [row] });
    return (
      (body["verdicts"] as { message: string }[] | undefined)?.[0]?.message ?? body["accepted"]
    );
  };
  const both = (a: string, b: string) => `${a}: given in both spellings, ${a} and ${b}: send one`;
  expect(await told({ ...power("m", 1), max_gap: "1h", maxGap: "2h" })).toBe(
    both("max_gap", "maxGap"),
  );
  expect(await told({ ...power("m", 1), max_gap: "", maxGap: "2h", sampleType: null })).toBe(1);
  expect(await told({ ...power("m", 1), sample_type: "STEP", sampleType: "STEP" })).toBe(
    both("sample_type", "sampleType"),
  );
  const active = { state: "MACHINE_STATE_ACTIVE" };
  expect(await told({ ...state, stateChange: active, state_change: active })).toBe(
    both("stateChange", "state_change"),
  );
  expect(await told({ ...state, stateChange: active, state: "DOWN" })).toBe(
    "state: given beside stateChange: send only one of them",
  );
  expect(
    await told({ ...error, error_report: { severity: "FATAL", code: "E1" }, message: "hot" }),
  ).toBe("message: given beside errorReport: send only one of them");
  expect(await told({ ...state, stateChange: { ...active, time: "2026-03-01T09:00:00Z" } })).toBe(
    "stateChange.time: not the time of the row: leave it out",
  );
  expect(
    await told({
      ...state,
      state: null,
      stateChange: { ...active, time: "2026-03-01T09:00:00+01:00" },
    }),
  ).toBe(1);
});

test("a newest state goes back in as it was answered: that its machine is silent is no part of it", async () => {
  gateway.accessor.signals.getLatest = () => ({
    signals: [
      {
        ...{
          machine: "m",
          signal: "state",
          time: { seconds: 1_772_352_000n },
          silentSinceTime: { seconds: 1_772_352_660n },
        },
        record: { case: "stateChange", value: { state: 2, reason: "lunch" } },
      },
    ],
  });
  const { signals } = (await gateway.ask("/signals/state/latest")).body as {
    signals: Record<string, unknown>[];
  };
  expect(signals).toEqual([
    {
      ...{ machine: "m", signal: "state", time, state: "IDLE", reason: "lunch" },
      silent_since: "2026-03-01T08:11:00Z",
    },
  ]);
  expect((await gateway.post("/signals", { signals })).body).toMatchObject({
    accepted: 1,
    rejected: 0,
  });
  const sample = { ...power("m", 1), silent_since: time };
  expect((await gateway.post("/signals", { signals: [sample] })).body).toMatchObject({
    verdicts: [{ message: "silent_since: not a field of a sample" }],
  });
});

test("numbers that look like seconds are refused, unless what they count is declared", async () => {
  const rows = (time: number | string) => ({
    signals: [{ machine: "m", signal: "power", time, value: 1 }],
  });
  for (const [sent, says] of [
    [1_772_352_000, /look like seconds: declare epoch=s/],
    ["1772352000.5", /look like seconds: declare epoch=s/],
    [0, /before 1990/],
    [1_772_352_000_000_000, /look like microseconds: declare epoch=us/],
    ["1772352000000000000", /look like nanoseconds: declare epoch=ns/],
    [1_772_352_000_000_000_000, /send it as a string/],
  ] as const)
    expect((await gateway.post("/signals", rows(sent))).body["verdicts"]).toMatchObject([
      { reason: "TIME_INVALID", message: expect.stringMatching(says) },
    ]);
  expect(taken).toEqual([]);
  expect((await gateway.post("/signals?epoch=ms", rows(0))).body).toMatchObject({ accepted: 1 });
  expect((await gateway.post("/signals", rows("1970-01-01T00:00:00Z"))).body).toMatchObject({
    accepted: 1,
  });
});

test("an error names the parameter that was sent, the accessor's too", async () => {
  const field = async (query: string) => {
    const { status, body } = await gateway.ask(`/signals/power${query}`);
    return [
      status,
      body["field"],
      (body["metadata"] as Record<string, string>)["field"],
      body["detail"],
    ];
  };
  expect(await field("?page_size=1")).toEqual([
    ...[
      400,
      "page_size",
      "page_size",
      expect.stringMatching(/^page_size: unknown parameter; known are/),
    ],
  ]);
  expect(await field("?from=1772352000")).toEqual([
    400,
    "from",
    "from",
    expect.stringMatching(/looks like seconds/),
  ]);
  gateway.accessor.signals.querySignals = () => {
    throw invalidField("page_size", "page_size must not be so");
  };
  expect(await field("?limit=9")).toEqual([
    400,
    "limit",
    "limit",
    expect.not.stringContaining("page_size"),
  ]);
});
