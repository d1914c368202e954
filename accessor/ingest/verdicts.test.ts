// A bad record never sinks its batch: each gets a verdict with its position, and the good ones
// beside it are stored.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type BatchResult, RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { at, type BatchInit, column, epochUs, grid } from "../testing/batches.ts";
import { nameIn } from "../testing/errors.ts";

let accessor: TestAccessor;
beforeAll(async () => {
  accessor = await openTestAccessor();
});
afterAll(() => accessor[Symbol.asyncDispose]());

let sequence = 0n;
async function send(batch: BatchInit): Promise<BatchResult> {
  const { result } = await accessor.ingest.ingestBatch({
    producerId: "p",
    sequence: ++sequence,
    batch,
  });
  return result!;
}

const said = ({ verdicts }: BatchResult) =>
  verdicts.map(({ kind, column, first, count, reason }) => [
    nameIn(RecordKind, kind),
    column,
    first,
    count,
    nameIn(ErrorReason, reason),
  ]);

async function read(machine: string, signal: string) {
  const { signals } = await accessor.signals.querySignals({ machines: [machine], signal });
  return signals.map(({ time, record }) => [
    Number(time!.seconds) * 1e6 + time!.nanos / 1000 - epochUs,
    record.value,
  ]);
}

const good = (time: number) => ({ time: at(epochUs + time), state: MachineState.ACTIVE });

test("state changes", async () => {
  const result = await send({
    machine: "states",
    stateChanges: [
      good(0),
      { state: MachineState.IDLE },
      { time: { seconds: 1n, nanos: 1_000_000_000 }, state: MachineState.IDLE },
      { ...good(1), state: MachineState.UNSPECIFIED },
      { ...good(1), state: 9 as MachineState },
      { ...good(1), reason: "x".repeat(257) },
      { ...good(1), reason: "a\0b" },
      { ...good(2), reason: "x".repeat(256) },
      { ...good(1), time: { seconds: 253_402_300_799n } },
      { ...good(1), time: { seconds: -1n } },
    ],
  });
  expect(said(result)).toEqual([
    ["STATE_CHANGE", 0, 1, 2, "TIME_INVALID"],
    ["STATE_CHANGE", 0, 3, 2, "STATE_REQUIRED"],
    ["STATE_CHANGE", 0, 5, 2, "TEXT_INVALID"],
    ["STATE_CHANGE", 0, 8, 1, "TIME_IN_FUTURE"],
    ["STATE_CHANGE", 0, 9, 1, "TIME_TOO_OLD"],
  ]);
  expect(result.verdicts.map(({ retryable }) => retryable)).toEqual([
    false,
    false,
    false,
    true,
    false,
  ]);
  expect((await read("states", "state")).map(([time]) => time)).toEqual([0, 2]);
});

test("error reports", async () => {
  const report = { time: at(epochUs), severity: Severity.ERROR, code: "E1" };
  const result = await send({
    machine: "errors",
    errorReports: [
      report,
      { ...report, severity: Severity.UNSPECIFIED },
      { ...report, code: "" },
      { ...report, code: "x".repeat(65) },
      { ...report, message: "x".repeat(1025) },
      { ...report, code: "\0" },
      { ...report, code: "E2", message: "x".repeat(1024) },
      { severity: Severity.ERROR, code: "E1" },
    ],
  });
  expect(said(result)).toEqual([
    ["ERROR_REPORT", 0, 1, 1, "SEVERITY_REQUIRED"],
    ["ERROR_REPORT", 0, 2, 4, "TEXT_INVALID"],
    ["ERROR_REPORT", 0, 7, 1, "TIME_INVALID"],
  ]);
  expect(await read("errors", "error")).toHaveLength(2);
});

test("samples keep their positions, also out of order", async () => {
  const result = await send({
    machine: "samples",
    samples: [
      column("power", [
        [epochUs + 30, 3],
        [epochUs + 10, Number.NaN],
        [epochUs + 20, 2],
        [epochUs + 5, Infinity],
        [epochUs, -Infinity],
        [epochUs + 10, 1],
      ]),
    ],
  });
  expect(said(result)).toEqual([
    ["SAMPLE", 0, 1, 1, "VALUE_NOT_FINITE"],
    ["SAMPLE", 0, 3, 2, "VALUE_NOT_FINITE"],
  ]);
  expect(await read("samples", "power")).toEqual([
    [10, 1],
    [20, 2],
    [30, 3],
  ]);
});

test("several columns of one signal are one, equal times in the order given", async () => {
  const result = await send({
    machine: "columns",
    samples: [
      column("power", [
        [epochUs + 10, 1],
        [epochUs + 20, Number.NaN],
        [epochUs + 30, 3],
      ]),
      column("power", [
        [epochUs + 30, 4],
        [epochUs + 10, 2],
        [epochUs + 10, Number.NaN],
      ]),
      column("power", [[epochUs, 0]]),
    ],
  });
  expect(said(result)).toEqual([
    ["SAMPLE", 0, 1, 1, "VALUE_NOT_FINITE"],
    ["SAMPLE", 1, 2, 1, "VALUE_NOT_FINITE"],
  ]);
  expect(await read("columns", "power")).toEqual([
    [0, 0],
    [10, 1],
    [10, 2],
    [30, 3],
    [30, 4],
  ]);
});

test.for<[why: string, batch: BatchInit, reason: keyof typeof ErrorReason]>([
  ["without records", { machine: "m" }, "BATCH_EMPTY"],
  ["without a machine", { samples: [grid("power", epochUs, [1])] }, "MACHINE_NAME_INVALID"],
  [
    "of a machine that ends with a blank",
    { machine: "press ", stateChanges: [good(0)] },
    "MACHINE_NAME_INVALID",
  ],
  [
    "of a machine with a format character",
    { machine: "press\u202e7", stateChanges: [good(0)] },
    "MACHINE_NAME_INVALID",
  ],
  [
    "of a machine with 129 characters",
    { machine: "ä".repeat(129), stateChanges: [good(0)] },
    "MACHINE_NAME_INVALID",
  ],
  [
    "of a machine with a name of 3 MB",
    { machine: "ä".repeat(1_500_000), stateChanges: [good(0)] },
    "MACHINE_NAME_INVALID",
  ],
  [
    "of a machine with U+0000",
    { machine: "m\0", samples: [grid("power", epochUs, [1])] },
    "MACHINE_NAME_INVALID",
  ],
  [
    "of too many records",
    { machine: "m", samples: [grid("power", epochUs, Array(65_537).fill(1))] },
    "BATCH_TOO_LARGE",
  ],
  [
    "of 10 MB",
    { machine: "m", samples: [grid("power", epochUs, Array(1_250_000).fill(1.5))] },
    "BATCH_TOO_LARGE",
  ],
])("a batch %s is refused, and its sequence used up", async ([, batch, reason]) => {
  const { refusal, verdicts } = await send(batch);
  expect([nameIn(ErrorReason, refusal!.reason), verdicts]).toEqual([reason, []]);
  expect(refusal!.message).not.toBe("");
  expect(
    (await send({ machine: "after", stateChanges: [good(Number(sequence))] })).refusal,
  ).toBeUndefined();
});

test("a batch of the greatest size allowed is taken", async () => {
  const values = Array.from({ length: 65_536 }, (_, i) => Math.sin(i));
  expect(await send({ machine: "full", samples: [grid("power", epochUs, values)] })).toMatchObject({
    verdicts: [],
  });
  const { signals } = await accessor.signals.getLatest({ machines: ["full"] });
  expect(signals[0]!.record.value).toBe(values.at(-1));
});

test("where the clock of this machine has fallen behind, one answer of the database puts it right", async () => {
  await using accessor = await openTestAccessor();
  const now = performance.now.bind(performance);
  // As where a machine sleeps: its monotonic clock stands still meanwhile.
  using clock = vi.spyOn(performance, "now").mockImplementation(() => now() - 3_600_000);
  const send = async (sequence: bigint) => {
    const stateChanges = [{ time: at(Date.now() * 1_000), state: MachineState.IDLE }];
    const batch = { machine: "m", stateChanges };
    const { result } = await accessor.ingest.ingestBatch({ producerId: "p", sequence, batch });
    return result!.verdicts.map(({ reason }) => reason);
  };
  expect(await send(1n)).toEqual([ErrorReason.TIME_IN_FUTURE]);
  expect(await send(2n)).toEqual([]);
  expect(clock).toHaveBeenCalled();
});
