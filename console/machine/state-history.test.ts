// State changes of the feed, put behind the intervals of an answer.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { Interval } from "../chart/lanes.ts";
import type { ErrorNow } from "../live/messages.ts";
import { withReport } from "./report-list.ts";
import { bandWithSilence, withChange } from "./state-history.ts";

const { ACTIVE, IDLE, FAULT } = MachineState;

test("intervals touch, differ from their neighbours, and end with the newest change", () => {
  const change = fc.record({
    afterUs: fc.integer({ min: 0, max: 5 }),
    state: fc.constantFrom(ACTIVE, IDLE, FAULT),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 30 }), (changes) => {
      let intervals: readonly Interval[] = [];
      let [timeUs, lastUs] = [0, Number.NEGATIVE_INFINITY];
      for (const { afterUs, state } of changes) {
        timeUs += afterUs;
        intervals = withChange(intervals, { timeUs, state, reason: "" }, lastUs)!;
        lastUs = timeUs;
      }
      expect(intervals.at(-1)).toMatchObject({ state: changes.at(-1)!.state, toUs: Infinity });
      intervals.forEach((one, i) => {
        expect(one.toUs).toBeGreaterThan(one.fromUs);
        if (i === 0) return;
        expect(one.fromUs).toBe(intervals[i - 1]!.toUs);
        expect(one.state).not.toBe(intervals[i - 1]!.state);
      });
    }),
  );
});

test("a change into the past is left to the accessor", () => {
  const intervals = [{ state: ACTIVE, reason: "", fromUs: 10, toUs: Infinity }];
  expect(withChange(intervals, { timeUs: 9, state: IDLE, reason: "" }, 10)).toBeUndefined();
});

test("reports stay ascending, and one that is held comes once", () => {
  const report = fc.record({
    timeUs: fc.integer({ min: 0, max: 9 }),
    severity: fc.constantFrom(1, 3),
    code: fc.constantFrom("A", "B"),
    message: fc.constant(""),
  });
  fc.assert(
    fc.property(fc.array(report, { maxLength: 40 }), (all) => {
      const list = all.reduce<readonly ErrorNow[]>(withReport, []);
      const key = ({ timeUs, severity, code }: ErrorNow) => `${timeUs} ${severity} ${code}`;
      expect(new Set(list.map(key))).toEqual(new Set(all.map(key)));
      expect(list.length).toBe(new Set(all.map(key)).size);
      list.forEach((one, i) => {
        if (i > 0) expect(one.timeUs).toBeGreaterThanOrEqual(list[i - 1]!.timeUs);
      });
    }),
  );
});

test("a silence that the feed shows is in the interval that lasts, and in no other", () => {
  const ended = { state: IDLE, reason: "", fromUs: 0, toUs: 10 };
  const lasting = { state: ACTIVE, reason: "", fromUs: 10, toUs: Number.POSITIVE_INFINITY };
  const intervals = [ended, lasting];
  expect(bandWithSilence({ kind: "intervals", intervals }, 50)).toEqual({
    kind: "intervals",
    intervals: [ended, { ...lasting, silentFromUs: 50 }],
  });
  const past = { kind: "intervals", intervals: [ended] } as const;
  expect(bandWithSilence(past, 50)).toBe(past);
  const known = { kind: "intervals", intervals: [{ ...lasting, silentFromUs: 40 }] } as const;
  expect(bandWithSilence(known, 50)).toBe(known);
});
