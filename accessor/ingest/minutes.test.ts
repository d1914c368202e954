// What a batch gives compaction to do: minutes beyond the first, and full ones that it goes into.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchSchema, MachineState, Severity } from "#gen/millrace/v1/signal_pb.ts";
import { at, type BatchInit, column, epochUs } from "../testing/batches.ts";
import { Minutes } from "./minutes.ts";

const minuteUs = 60_000_000;
const batchOf = (init: BatchInit) => create(BatchSchema, init);
const count = (init: BatchInit) => new Minutes(() => undefined).count(batchOf(init));

test("counts each minute of each column but its first, and those of states and errors", () => {
  const stateChanges = [0, 1, minuteUs].map((us) => ({
    time: at(epochUs + us),
    state: MachineState.IDLE,
  }));
  const errorReports = [0, 1, 2].map((i) => ({
    time: at(epochUs + i * minuteUs),
    severity: Severity.ERROR,
    code: "E",
  }));
  const samples = [
    column(
      "power",
      Array.from({ length: 8 }, (_, i) => [epochUs + i * minuteUs, i]),
    ),
  ];
  const many = Array.from({ length: 50 }, (_, i) => column(`s${i}`, [[epochUs, 1]]));
  expect(count({ machine: "m", samples: many })).toBe(0);
  expect(count({ machine: "m", samples: [...samples, ...samples] })).toBe(14);
  expect(count({ machine: "m", stateChanges, errorReports })).toBe(3);
  expect(count({ machine: "m" })).toBe(0);
});

test("counts no less than the minutes that there are, and no more than records", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 20 * minuteUs }), { minLength: 1, maxLength: 50 }),
      (timesUs) => {
        const samples = [
          column(
            "power",
            timesUs.map((us) => [epochUs + us, 1]),
          ),
        ];
        const counted = count({ machine: "m", samples });
        const minutes = new Set(timesUs.map((us) => Math.floor((epochUs + us) / minuteUs)));
        expect(counted).toBeGreaterThanOrEqual(minutes.size - 1);
        expect(counted).toBeLessThan(timesUs.length);
        if (timesUs.every((us, i) => i === 0 || us >= timesUs[i - 1]!))
          expect(counted).toBe(minutes.size - 1);
      },
    ),
  );
});

/** So many samples a millisecond apart, from so many milliseconds into a minute on. */
const filling = (signal: string, fromMs: number, length: number): BatchInit => {
  const grid = { startUs: BigInt(epochUs + fromMs * 1_000), periodUs: 100n };
  return {
    machine: "m",
    samples: [{ signal, times: { case: "grid", value: grid }, values: new Array(length).fill(0) }],
  };
};

test("what goes into the middle of a full minute counts what that holds, what continues it nothing", () => {
  const ids: Record<string, number> = { power: 1, speed: 2 };
  const minutes = new Minutes((_machine, signal) =>
    ids[signal] === undefined ? undefined : { id: ids[signal] },
  );
  for (let i = 0; i < 3; i++) {
    expect(minutes.count(batchOf(filling("power", 0, 60_000)))).toBe(0);
    minutes.add(batchOf(filling("power", 0, 60_000)));
  }
  expect(minutes.count(batchOf(filling("power", 0, 1)))).toBe(Math.floor(180_000 / 1_024));
  expect(minutes.count(batchOf(filling("power", 6_000, 60_000)))).toBe(0);
  expect(minutes.count(batchOf(filling("speed", 0, 1)))).toBe(0);
  expect(minutes.count(batchOf(filling("power", -60_000, 1)))).toBe(0);
  const alternating = Array.from(
    { length: 1_000 },
    (_, i) => [epochUs + (i % 2) * minuteUs, 1] as const,
  );
  expect(minutes.count(batchOf({ machine: "m", samples: [column("power", alternating)] }))).toBe(
    65_536,
  );
});

test("remembers a bounded number of minutes, the latest ones", () => {
  const minutes = new Minutes(() => ({ id: 1 }), { maxKept: 2 });
  for (const fromMs of [0, 60_000, 120_000]) {
    for (let i = 0; i < 3; i++) minutes.add(batchOf(filling("power", fromMs, 60_000)));
  }
  expect(
    [0, 60_000, 120_000].map((fromMs) => minutes.count(batchOf(filling("power", fromMs, 1)))),
  ).toEqual([0, 175, 175]);
});
