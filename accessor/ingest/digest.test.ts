// The digest is of what a batch says: not of how it is written, and of all that it says.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Batch, BatchSchema, MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import { at, type BatchInit, column, epochUs, grid } from "../testing/batches.ts";
import { digestOf } from "./digest.ts";

const digest = (init: BatchInit): string => {
  const batch: Batch = create(BatchSchema, init);
  const columns = batch.samples.map((samples) => ({
    timesUs: timesOf(samples),
    values: Float64Array.from(samples.values),
  }));
  return digestOf(batch, columns).toString("hex");
};

test("a grid and the same times as deltas are equal", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ noNaN: true }), { minLength: 1, maxLength: 50 }), (values) => {
      const pairs = values.map((value, i) => [epochUs + i * 10_000, value] as const);
      expect(digest({ machine: "m", samples: [grid("p", epochUs, values)] })).toBe(
        digest({ machine: "m", samples: [column("p", pairs)] }),
      );
    }),
  );
});

const change = { time: at(epochUs), state: MachineState.IDLE, reason: "r" };
const report = { time: at(epochUs), severity: Severity.INFO, code: "c", message: "t" };
const samples = {
  ...column("p", [
    [epochUs, 1],
    [epochUs, 2],
  ]),
  unit: "W",
  maxGap: { seconds: 1n },
};
const whole = { machine: "m", stateChanges: [change], errorReports: [report], samples: [samples] };
const { time: _, ...timeless } = change;
const { maxGap: __, ...undeclared } = samples;

test.for<[what: string, other: BatchInit]>([
  ["the machine", { ...whole, machine: "n" }],
  ["a state change's time", { ...whole, stateChanges: [{ ...change, time: at(epochUs + 1) }] }],
  ["a missing time", { ...whole, stateChanges: [timeless] }],
  ["a state", { ...whole, stateChanges: [{ ...change, state: MachineState.OFF }] }],
  ["a reason", { ...whole, stateChanges: [{ ...change, reason: "" }] }],
  ["a severity", { ...whole, errorReports: [{ ...report, severity: Severity.ERROR }] }],
  ["where a text ends", { ...whole, errorReports: [{ ...report, code: "ct", message: "" }] }],
  ["how many records", { ...whole, stateChanges: [change, change] }],
  ["a signal's name", { ...whole, samples: [{ ...samples, signal: "q" }] }],
  ["a unit", { ...whole, samples: [{ ...samples, unit: "" }] }],
  ["a max_gap", { ...whole, samples: [undeclared] }],
  [
    "a sample's time",
    {
      ...whole,
      samples: [
        {
          ...samples,
          ...column("p", [
            [epochUs, 1],
            [epochUs + 1, 2],
          ]),
        },
      ],
    },
  ],
  ["a value", { ...whole, samples: [{ ...samples, values: [1, 3] }] }],
  ["the sign of zero", { ...whole, samples: [{ ...samples, values: [1, -0] }] }],
  ["the order of values", { ...whole, samples: [{ ...samples, values: [2, 1] }] }],
  [
    "how samples are cut into columns",
    { ...whole, samples: [column("p", [[epochUs, 1]]), column("p", [[epochUs, 2]])] },
  ],
])("it tells %s", ([, other]) => {
  expect(digest(other)).not.toBe(digest(whole));
  expect(digest(whole)).toHaveLength(32);
});
