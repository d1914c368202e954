// Hours as ranges: the same hours as one by one, joined, and none that are frozen.
import fc from "fast-check";
import { expect, test } from "vitest";
import { hourUs } from "../history/buckets-of-time.ts";
import { HourRanges } from "./hour-ranges.ts";

test("the hours are those from the first time to the last, each once, but for what is frozen", () => {
  const span = fc.record({
    machineId: fc.integer({ min: 1, max: 2 }),
    firstUs: fc.integer({ min: 0, max: 400 * 60 }).map((minute) => minute * 60e6),
    lengthUs: fc.integer({ min: 0, max: 50 * 60 }).map((minutes) => minutes * 60e6),
  });
  fc.assert(
    fc.property(
      fc.array(span),
      fc.constantFrom(0, 100 * hourUs, 100 * hourUs + 1),
      (spans, frozenBeforeUs) => {
        const ranges = new HourRanges({ frozenBeforeUs });
        const expected = new Set<string>();
        for (const { machineId, firstUs, lengthUs } of spans) {
          ranges.add(machineId, firstUs, firstUs + lengthUs);
          for (
            let at = Math.floor(firstUs / hourUs) * hourUs;
            at <= firstUs + lengthUs;
            at += hourUs
          )
            if (at + hourUs > frozenBeforeUs) expected.add(`${machineId}:${at}`);
        }
        const found = ranges
          .list()
          .flatMap(({ machineId, fromUs, toUs }) =>
            Array.from(
              { length: (toUs - fromUs) / hourUs },
              (_, i) => `${machineId}:${fromUs + i * hourUs}`,
            ),
          );
        expect(found.length).toBe(new Set(found).size);
        expect(new Set(found)).toEqual(expected);
        expect(ranges.hours).toBe(expected.size);
        for (let hour = 0; hour < 460; hour += 3)
          for (const machineId of [1, 2])
            expect(ranges.has(machineId, hour * hourUs)).toBe(
              expected.has(`${machineId}:${hour * hourUs}`),
            );
      },
    ),
  );
});

test("a state that holds for ever, and one of decades ago, are one range each", () => {
  const ranges = new HourRanges({ frozenBeforeUs: 0 });
  ranges.add(1, 5, Number.MAX_SAFE_INTEGER);
  for (let i = 0; i < 1_000; i++) ranges.add(2, i * hourUs, (i + 24) * hourUs);
  expect(ranges.list().length).toBe(2);
  expect(ranges.has(1, 2e15)).toBe(true);
});
