// POST /signals: the declarations by rows, columns and parameters: unit, max_gap, sample_type, and
// the unit of numeric times.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { IngestBatchRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SampleTypeSchema } from "#gen/millrace/v1/signal_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
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
    status: 400,
    field: "sample_type",
    detail: "sample_type: must be LINEAR, STEP or COUNTER",
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
