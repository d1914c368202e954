// Columns of samples that are rejected whole, and with which reason.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type BatchResult, RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";
import { at, type BatchInit, column, epochUs, grid, type SamplesInit } from "../testing/batches.ts";
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

test.for<[why: string, samples: SamplesInit, reason: keyof typeof ErrorReason, count: number]>([
  ["a name of ours", column("state", [[epochUs, 1]]), "SIGNAL_NAME_INVALID", 1],
  ["a capital", column("Power", [[epochUs, 1]]), "SIGNAL_NAME_INVALID", 1],
  ["U+0000 in a name", column("po\0wer", [[epochUs, 1]]), "SIGNAL_NAME_INVALID", 1],
  ["U+0000 in a unit", { ...column("power", [[epochUs, 1]]), unit: "\0" }, "TEXT_INVALID", 1],
  ["a long unit", { ...column("power", [[epochUs, 1]]), unit: "x".repeat(33) }, "TEXT_INVALID", 1],
  [
    "another unit",
    { ...column("power", [[epochUs, 1]]), unit: "kW" },
    "SIGNAL_DECLARATION_MISMATCH",
    1,
  ],
  [
    "another max_gap",
    { ...column("power", [[epochUs, 1]]), maxGap: { seconds: 7n } },
    "SIGNAL_DECLARATION_MISMATCH",
    1,
  ],
  [
    "no max_gap",
    { ...column("power", [[epochUs, 1]]), maxGap: {} },
    "SIGNAL_DECLARATION_MISMATCH",
    1,
  ],
  [
    "a max_gap of 25 h",
    { ...column("power", [[epochUs, 1]]), maxGap: { seconds: 90_000n } },
    "SIGNAL_DECLARATION_MISMATCH",
    1,
  ],
  ["no times", { signal: "power", values: [1, 2] }, "COLUMN_INVALID", 2],
  ["times alone", { ...column("power", [[epochUs, 1]]), values: [] }, "COLUMN_INVALID", 0],
  ["too few times", { ...column("power", [[epochUs, 1]]), values: [1, 2, 3] }, "COLUMN_INVALID", 3],
  [
    "a grid without a period",
    { signal: "power", times: { case: "grid", value: { startUs: BigInt(epochUs) } }, values: [1] },
    "COLUMN_INVALID",
    1,
  ],
  [
    "all in the future",
    column("power", [
      [4e15, 1],
      [4e15, 2],
    ]),
    "TIME_IN_FUTURE",
    2,
  ],
  ["all before 1970", column("power", [[-1, 1]]), "TIME_TOO_OLD", 1],
  [
    "times beyond all numbers",
    {
      signal: "power",
      times: { case: "deltas", value: { deltaUs: [2n ** 62n, 2n ** 62n] } },
      values: [1, 2],
    },
    "TIME_IN_FUTURE",
    2,
  ],
])("a bad column beside good ones: %s", async ([why, bad, reason, count]) => {
  const machine = `bad-${why.replaceAll(/[^a-z0-9]/g, "-")}`;
  await send({
    machine,
    samples: [{ ...grid("power", epochUs, [1, 2]), unit: "W", maxGap: { seconds: 2n } }],
  });
  const result = await send({
    machine,
    stateChanges: [good(0)],
    samples: [grid("power", epochUs + 20_000, [3]), bad, grid("heat", epochUs, [4])],
  });
  expect(said(result)).toEqual([["SAMPLE", 1, 0, count, reason]]);
  expect((await read(machine, "power")).map(([, value]) => value)).toEqual([1, 2, 3]);
  expect(await read(machine, "heat")).toEqual([[0, 4]]);
  expect(await read(machine, "state")).toHaveLength(1);
});

test("a column that is rejected whole declares nothing", async () => {
  const result = await send({
    machine: "undeclared",
    samples: [{ ...column("fresh", [[epochUs, Number.NaN]]), unit: "bar" }],
  });
  expect(said(result)).toEqual([["SAMPLE", 0, 0, 1, "VALUE_NOT_FINITE"]]);
  const { signals } = await accessor.signals.listSignals({ machines: ["undeclared"] });
  expect(signals).toEqual([]);
});
