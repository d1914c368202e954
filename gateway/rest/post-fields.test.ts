// POST /signals: the fields of a row, their permitted values, and that none is given twice.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
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
      [
        8,
        1,
        "value: a decimal comma: write the number with a point, such as 1234.5, or declare decimal=comma (producer flag: --decimal comma)",
      ],
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
        machine: "m",
        signal: "state",
        time: { seconds: 1_772_352_000n },
        silentSinceTime: { seconds: 1_772_352_660n },
        record: { case: "stateChange", value: { state: 2, reason: "lunch" } },
      },
    ],
  });
  const { signals } = (await gateway.ask("/signals/state/latest")).body as {
    signals: Record<string, unknown>[];
  };
  expect(signals).toEqual([
    {
      machine: "m",
      signal: "state",
      time,
      state: "IDLE",
      reason: "lunch",
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
