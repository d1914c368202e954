// What is odd about stored batches is said once for a reason and signal of a machine, and no more
// often than a log bears.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  type BatchResult,
  BatchResultSchema,
  WarningReason,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { encodeNumberedBatch } from "../../codec/wire/encode.ts";
import { createLog } from "../../runtime/log.ts";
import { createWarnings, maxWarnings } from "./warnings.ts";

const { NOT_COVERED, NO_ENERGY } = WarningReason;

const entryOf = (machine: string, signals: string[]) => {
  const samples = signals.map((signal) => ({ signal, values: [1] }));
  return {
    sequence: 1,
    records: 1,
    bytes: encodeNumberedBatch(1, create(BatchSchema, { machine, samples })),
  };
};

const resultOf = (
  ...warnings: [reason: WarningReason, column: number, message: string][]
): BatchResult =>
  create(BatchResultSchema, {
    sequence: 1n,
    warnings: warnings.map(([reason, column, message]) => ({ reason, column, message })),
  });

function collect() {
  const lines: string[] = [];
  const sink = (line: string) => lines.push(line.slice(13).trim());
  return {
    lines,
    warnings: createWarnings({
      log: createLog({ name: "test", format: "pretty", color: false, sink }),
    }),
  };
}

test("once for a reason and signal of a machine, whatever the words are", () => {
  const { lines, warnings } = collect();
  const press = entryOf("press-7", ["heat", "power"]);
  warnings.say(
    resultOf([NOT_COVERED, 0, "heat is far apart"], [NO_ENERGY, 1, "bar is no power"]),
    press,
  );
  warnings.say(
    resultOf([NOT_COVERED, 0, "heat is farther apart"], [NOT_COVERED, 1, "power is far apart"]),
    press,
  );
  warnings.say(resultOf([NOT_COVERED, 0, "heat is far apart"]), entryOf("saw 1", ["heat"]));
  // Let go of before its answer came: nobody knows any more what it was about.
  warnings.say(resultOf([NOT_COVERED, 0, "heat is far apart"]), undefined);
  warnings.say(resultOf(), press);
  expect(lines.map((line) => line.replace(/^.*stored, but /, ""))).toEqual([
    "heat is far apart reason=NOT_COVERED machine=press-7 signal=heat",
    "bar is no power reason=NO_ENERGY machine=press-7 signal=power",
    "power is far apart reason=NOT_COVERED machine=press-7 signal=power",
    'heat is far apart reason=NOT_COVERED machine="saw 1" signal=heat',
  ]);
});

test("after a hundred no batch is looked at any more", () => {
  const { lines, warnings } = collect();
  const odd = resultOf([NOT_COVERED, 0, "far apart"]);
  expect([warnings.wants(odd), warnings.wants(resultOf())]).toEqual([true, false]);
  for (let i = 0; i < 2 * maxWarnings; i++) warnings.say(odd, entryOf(`m-${i}`, ["heat"]));
  expect(lines).toHaveLength(maxWarnings + 1);
  expect(lines.at(-1)).toContain("only counted");
  expect(warnings.wants(odd)).toBe(false);
});
