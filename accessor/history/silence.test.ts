// Silences as they are made of minutes, held against a walk through all of them.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SampleType, SignalKind } from "#gen/millrace/v1/signal_pb.ts";
import { baseUs } from "../testing/brute-force.ts";
import { joined, silentMinutes } from "../testing/silence.ts";
import { hourUs, minuteUs } from "./buckets-of-time.ts";
import {
  type AliveHour,
  cutGaps,
  cutSilences,
  gapsOfHours,
  joinSpans,
  silencesOf,
  spansOfMinutes,
  toleranceUsOf,
} from "./silence.ts";

const startUs = Math.floor(baseUs / hourUs) * hourUs;
const times = fc.array(
  fc.integer({ min: 0, max: 9 * 60 - 1 }).map((minute) => startUs + minute * minuteUs + 17),
  { maxLength: 40 },
);
const clusters = fc
  .array(
    fc.record({ from: fc.integer({ min: 0, max: 500 }), count: fc.integer({ min: 1, max: 90 }) }),
    {
      maxLength: 3,
    },
  )
  .map((all) =>
    all.flatMap(({ from, count }) =>
      Array.from({ length: count }, (_, i) => startUs + (from + i) * minuteUs),
    ),
  );
const anyTimes = fc.tuple(times, clusters).map((both) => both.flat());
const tolerances = fc
  .constantFrom(10, 11, 12, 38, 59, 60, 61, 130)
  .map((minutes) => minutes * minuteUs);

/** As the history keeps them. */
function toHours(timesUs: readonly number[]): AliveHour[] {
  const minutes = [...new Set(timesUs.map((us) => Math.floor(us / minuteUs)))].sort(
    (a, b) => a - b,
  );
  return [...Map.groupBy(minutes, (minute) => Math.floor(minute / 60))].map(([hour, own]) => {
    const bits = own.reduce((sum, minute) => sum | (1n << BigInt(minute - hour * 60)), 0n);
    const before = minutes.findLast((minute) => minute < hour * 60);
    return {
      hourUs: hour * hourUs,
      low: Number(bits & 0x3fffffffn),
      high: Number(bits >> 30n),
      beforeUs: before === undefined ? undefined : before * minuteUs,
    };
  });
}

const records = (timesUs: readonly number[]) => timesUs.map((timeUs) => ({ timeUs }));

test("what is silent is what lies more than the tolerance after the last minute with a record", () => {
  fc.assert(
    fc.property(
      anyTimes,
      anyTimes,
      tolerances,
      fc.tuple(fc.integer(), fc.integer()),
      (kept, pending, toleranceUs, [a, b]) => {
        const at = (n: number) => startUs + ((n % 700) - 60) * minuteUs + (n % 3);
        const window = { fromUs: Math.min(at(a), at(b)), toUs: Math.max(at(a), at(b)) + 1 };
        const alive = spansOfMinutes(pending.map((us) => Math.floor(us / minuteUs) * minuteUs));
        const gaps = cutGaps(gapsOfHours(toHours(kept), toleranceUs), alive, toleranceUs);
        const silences = silencesOf(gaps, toleranceUs, window);
        const expected = silentMinutes(records([...kept, ...pending]), window, toleranceUs);
        expect(cutSilences(silences, window)).toEqual(joined(expected));
        for (const { fromUs, toUs } of silences)
          expect(
            expected
              .filter((one) => one.fromUs >= fromUs && one.toUs <= toUs)
              .map(({ sinceUs }) => sinceUs),
          ).toSatisfy(
            (all: number[]) => all.length > 0 && all.every((sinceUs) => sinceUs === fromUs),
          );
      },
    ),
    { numRuns: 500 },
  );
});

test("hours without a gap at them may be left out", () => {
  fc.assert(
    fc.property(anyTimes, tolerances, (timesUs, toleranceUs) => {
      const hours = toHours(timesUs);
      const some = hours.filter(
        (hour, i) =>
          i === 0 ||
          i === hours.length - 1 ||
          gapsOfHours([hours[i - 1]!, hour], toleranceUs).length > 2 ||
          gapsOfHours([hour], toleranceUs).some(({ fromUs }) => fromUs >= hour.hourUs),
      );
      expect(gapsOfHours(some, toleranceUs)).toEqual(gapsOfHours(hours, toleranceUs));
    }),
  );
});

describe("spans", () => {
  test("join where they touch", () => {
    const spans = [
      { fromUs: 5, toUs: 7 },
      { fromUs: 1, toUs: 3 },
      { fromUs: 3, toUs: 4 },
      { fromUs: 6, toUs: 6 },
    ];
    expect(joinSpans(spans)).toEqual([
      { fromUs: 1, toUs: 4 },
      { fromUs: 5, toUs: 7 },
    ]);
  });
});

describe("the tolerance", () => {
  const numeric = (maxGapUs: number, sampleType: SampleType = SampleType.UNSPECIFIED) => ({
    kind: SignalKind.NUMERIC,
    maxGapUs,
    sampleType,
  });
  const state = { kind: SignalKind.STATE, maxGapUs: undefined, sampleType: SampleType.UNSPECIFIED };

  test("is ten minutes, or the longest max_gap of what is linear, in whole minutes", () => {
    expect(toleranceUsOf([state])).toBe(10 * minuteUs);
    expect(toleranceUsOf([state, numeric(1e6), numeric(600e6)])).toBe(10 * minuteUs);
    expect(toleranceUsOf([numeric(600e6 + 1), state, numeric(1e6)])).toBe(11 * minuteUs);
    expect(toleranceUsOf([numeric(1_350e6, SampleType.LINEAR)])).toBe(23 * minuteUs);
  });

  test("leaves out what is sent on change, and counters", () => {
    expect(
      toleranceUsOf([numeric(86_400e6, SampleType.STEP), numeric(3_600e6, SampleType.COUNTER)]),
    ).toBe(10 * minuteUs);
  });
});
