// Faults that many records have: told once for neighbours, and put into words no more often than
// they are told.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { RecordKind } from "#gen/millrace/v1/ingest_service_pb.ts";
import { acceptSamples } from "./check-samples.ts";
import { type TimeLimits, timeFault } from "./time-limits.ts";
import { Verdicts } from "./verdicts.ts";

const timeLimits: TimeLimits = { oldestUs: 10, newestUs: 20, because: "age" };
const old = () => timeFault(1, timeLimits)!;

test("the message of a fault is put together when it is told, not for each record that has it", () => {
  let told = 0;
  const fault = {
    reason: "TIME_TOO_OLD" as const,
    get message() {
      told++;
      return old().message;
    },
  };
  const verdicts = new Verdicts();
  for (let first = 0; first < 65_536; first++)
    verdicts.add({ kind: RecordKind.SAMPLE, first }, fault);
  expect(verdicts.list).toMatchObject([{ first: 0, count: 65_536, message: old().message }]);
  expect([told, verdicts.rejected]).toEqual([1, 65_536]);
});

const anyValue = fc.constantFrom(1, 2, Number.NaN, Number.POSITIVE_INFINITY);
const anyTime = fc.integer({ min: 5, max: 25 });

test("whatever a column holds: each sample is kept once, in order of time, or rejected for what is wrong with it", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyTime, anyValue), { maxLength: 60 }), (pairs) => {
      const timesUs = Float64Array.from(pairs, ([time]) => time);
      const values = Float64Array.from(pairs, ([, value]) => value);
      const verdicts = new Verdicts();
      const kept = acceptSamples(3, { timesUs, values }, { timeLimits, verdicts });
      const reasonOf = ([timeUs, value]: readonly [number, number]) =>
        Number.isFinite(value) ? timeFault(timeUs, timeLimits)?.reason : "VALUE_NOT_FINITE";
      const told = verdicts.list.flatMap(({ first, count, reason, column }) =>
        Array.from({ length: count }, (_, i) => [column, first + i, reason]),
      );
      expect(told).toEqual(
        pairs.flatMap((pair, i) => {
          const reason = reasonOf(pair);
          return reason === undefined ? [] : [[3, i, ErrorReason[reason]]];
        }),
      );
      // Neighbours with the same fault are one.
      for (const [i, { first, reason }] of verdicts.list.entries()) {
        const before = verdicts.list[i - 1];
        expect(before?.reason === reason && before.first + before.count === first).toBe(false);
      }
      const sound = pairs.filter((pair) => reasonOf(pair) === undefined);
      sound.sort(([a], [b]) => a - b);
      expect([[...kept.timesUs], [...kept.values]]).toEqual([
        sound.map(([time]) => time),
        sound.map(([, value]) => value),
      ]);
    }),
  );
});
