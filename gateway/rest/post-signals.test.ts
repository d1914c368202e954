// POST /signals: rows of any machines and batches in columns, and verdicts assigned to the right
// rows.
import { afterEach, beforeEach, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type IngestBatchRequest, RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { takeEverything } from "../testing/accessor.ts";
import { openTestGateway, type TestGateway } from "../testing/gateway.ts";

let gateway: TestGateway;
let taken: IngestBatchRequest[];
beforeEach(async () => {
  gateway = await openTestGateway({ now: () => 1_772_352_000_000 });
  taken = [];
  gateway.accessor.ingest = takeEverything(taken);
});
afterEach(() => gateway[Symbol.asyncDispose]());

const time = "2026-03-01T08:00:00.000001Z";
const power = (machine: string, value: unknown) => ({ machine, signal: "power", time, value });

test("rows become one batch for each machine, numbered from 1 by a producer of their own", async () => {
  const { status, body } = await gateway.post("/signals", {
    signals: [
      power("mill-1", 412.3),
      power("mill-2", 1),
      { machine: "mill-1", signal: "state", time: "now", state: "active", reason: "shift" },
      {
        machine: "mill-1",
        signal: "error",
        time: 1772352000000,
        severity: "ERROR",
        code: "E1",
        message: "hot",
      },
      power("mill-1", 5e-324),
    ],
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({ accepted: 5, rejected: 0, cursor: "c2", verdicts: [] });
  expect(body["results"]).toEqual([
    { machine: "mill-1", sequence: "1", duplicate: false },
    { machine: "mill-2", sequence: "2", duplicate: false },
  ]);
  expect(new Set(taken.map(({ producerId }) => producerId))).toEqual(
    new Set([body["producer_id"]]),
  );
  expect(body["producer_id"]).toMatch(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/);
  const [first] = taken;
  expect(first).toMatchObject({
    sequence: 1n,
    batch: {
      machine: "mill-1",
      stateChanges: [{ time: { seconds: 1_772_352_000n, nanos: 0 }, state: 1, reason: "shift" }],
      errorReports: [
        { time: { seconds: 1_772_352_000n }, severity: 3, code: "E1", message: "hot" },
      ],
      samples: [{ signal: "power", values: [412.3, 5e-324] }],
    },
  });
  expect([...timesOf(first!.batch!.samples[0]!)]).toEqual([
    1_772_352_000_000_001, 1_772_352_000_000_001,
  ]);
});

test("a row may declare the unit of its signal", async () => {
  await gateway.post("/signals", {
    signals: [{ ...power("m", 1), unit: "W" }, power("m", 2), { ...power("m", 3), unit: "W" }],
  });
  expect(taken[0]!.batch!.samples).toMatchObject([
    { signal: "power", unit: "W", values: [1, 3] },
    { signal: "power", unit: "", values: [2] },
  ]);
});

test("a batch in columns goes as it is, with the producer's own number", async () => {
  const { status, body } = await gateway.post("/signals", {
    machine: "mill-1",
    producer_id: "line-4",
    sequence: 7,
    samples: [
      {
        signal: "power",
        unit: "W",
        grid: { start_us: "1772352000000000", period_us: 10000 },
        values: [1, 2],
      },
    ],
    state_changes: [{ time, state: "MACHINE_STATE_IDLE" }],
  });
  expect([status, body]).toEqual([
    200,
    {
      accepted: 3,
      rejected: 0,
      cursor: "c1",
      producer_id: "line-4",
      results: [{ machine: "mill-1", sequence: "7", duplicate: false }],
      verdicts: [],
    },
  ]);
  expect(taken).toMatchObject([
    {
      producerId: "line-4",
      sequence: 7n,
      batch: { samples: [{ unit: "W", times: { case: "grid", value: { periodUs: 10_000n } } }] },
    },
  ]);
  await gateway.post("/signals", {
    signals: [power("m", 1)],
    producer_id: "p",
    sequence: "999999999999999999",
  });
  expect(taken[1]!.sequence).toBe(10n ** 18n - 1n);
});

test("verdicts name rows, neighbours as one; good rows beside them are stored", async () => {
  gateway.accessor.ingest.ingestBatch = ({ sequence }) => ({
    cursor: "c1",
    result: {
      sequence,
      verdicts: [
        {
          kind: RecordKind.SAMPLE,
          column: 1,
          first: 0,
          count: 2,
          reason: ErrorReason.TIME_IN_FUTURE,
          retryable: true,
          message: "ahead",
        },
      ],
    },
  });
  const heat = { machine: "m", signal: "heat", time, value: 1 };
  const { status, body } = await gateway.post("/signals", {
    signals: [
      power("m", 1),
      heat,
      { machine: "m", signal: "state", time, state: "dancing" },
      heat,
      "no row",
      { signal: "power", time },
      { machine: "m", time },
      { ...heat, time: "noon" },
    ],
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({ accepted: 1, rejected: 7 });
  expect(body["verdicts"]).toEqual([
    { row: 1, count: 1, reason: "TIME_IN_FUTURE", retryable: true, message: "ahead" },
    {
      row: 2,
      count: 1,
      reason: "STATE_REQUIRED",
      retryable: false,
      message: "state must be ACTIVE, IDLE, FAULT or OFF",
    },
    { row: 3, count: 1, reason: "TIME_IN_FUTURE", retryable: true, message: "ahead" },
    {
      row: 4,
      count: 1,
      reason: "REQUEST_INVALID",
      retryable: false,
      message: "a row must be a JSON object",
    },
    {
      row: 5,
      count: 1,
      reason: "MACHINE_NAME_INVALID",
      retryable: false,
      message: "machine: a text is required",
    },
    {
      row: 6,
      count: 1,
      reason: "SIGNAL_NAME_INVALID",
      retryable: false,
      message: "signal: a text is required",
    },
    {
      row: 7,
      count: 1,
      reason: "TIME_INVALID",
      retryable: false,
      message: expect.stringContaining("RFC 3339"),
    },
  ]);
});

test("the verdicts of a batch in columns name its lists", async () => {
  gateway.accessor.ingest.ingestBatch = ({ sequence }) => ({
    result: {
      sequence,
      duplicate: true,
      verdicts: [
        {
          kind: RecordKind.SAMPLE,
          first: 1,
          count: 1,
          reason: ErrorReason.VALUE_NOT_FINITE,
          message: "NaN",
        },
      ],
    },
  });
  const samples = [{ signal: "power", deltas: { delta_us: [1, 2] }, values: [1, "NaN"] }];
  const { body } = await gateway.post("/signals", { machine: "m", samples });
  expect(body).toMatchObject({
    accepted: 1,
    rejected: 1,
    results: [{ duplicate: true }],
    verdicts: [
      {
        kind: "SAMPLE",
        column: 0,
        first: 1,
        count: 1,
        reason: "VALUE_NOT_FINITE",
        retryable: false,
        message: "NaN",
      },
    ],
  });
});

test("an answer names a thousand verdicts, and counts the others by reason", async () => {
  const good = { machine: "a", signal: "power", time: "2026-03-01T08:00:00Z", value: 1 };
  const signals = Array.from({ length: 4_000 }, (_, i) =>
    i % 2 === 0 ? good : i < 3_000 ? { machine: i } : { ...good, time: "x" },
  );
  const { status, body } = await gateway.post("/signals", { signals });
  expect([status, body["accepted"], body["rejected"]]).toEqual([200, 2_000, 2_000]);
  expect([(body["verdicts"] as unknown[]).length, body["verdicts_omitted"]]).toEqual([
    1_000, 1_000,
  ]);
  expect(body["omitted_by_reason"]).toEqual({ MACHINE_NAME_INVALID: 500, TIME_INVALID: 500 });
});
