// Microseconds and what the contract has for them, there and back, before 1970 too.
import fc from "fast-check";
import { expect, test } from "vitest";
import { toDuration, toDurationUs, toTimestamp, toTimeUs } from "./timestamps.ts";

test.each([
  [-1, -1n, 999_999_000],
  [-1_000_000, -1n, 0],
  [-1_500_001, -2n, 499_999_000],
  [0, 0n, 0],
  [1_767_571_200_123_456, 1_767_571_200n, 123_456_000],
])("%d µs", (timeUs, seconds, nanos) => {
  expect(toTimestamp(timeUs)).toMatchObject({ seconds, nanos });
});

test("every microsecond comes back, with nanos as the contract wants them", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }), (timeUs) => {
      const time = toTimestamp(timeUs);
      expect(time.nanos).toBeGreaterThanOrEqual(0);
      expect(time.nanos).toBeLessThan(1e9);
      expect(toTimeUs(time)).toBe(timeUs);
      expect(toTimeUs({ ...time, nanos: time.nanos + 999 })).toBe(timeUs);
      if (timeUs >= 0) expect(toDurationUs(toDuration(timeUs))).toBe(timeUs);
    }),
  );
});
