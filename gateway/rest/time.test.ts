// Times in the notation of answers: every edge, and back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { readTime } from "../../codec/row/time.ts";
import { formatTime, fromTimestamp } from "../../codec/row/time-text.ts";
import { toTimestamp } from "./time.ts";

const nowUs = 1_772_352_000_000_000n; // 2026-03-01T08:00:00Z
const parse = (text: string) => readTime(text, { nowUs, epoch: "ms" });
const anyUs = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });

test("whatever is written is read again, to the microsecond", () => {
  fc.assert(
    fc.property(anyUs, (us) => {
      expect(parse(formatTime(us))).toBe(us);
      expect(fromTimestamp(toTimestamp(us))).toBe(us);
      const { nanos } = toTimestamp(us);
      expect(nanos >= 0 && nanos < 1e9).toBe(true);
    }),
  );
});

test("as many digits of a second as needed", () => {
  expect([0n, 120_000n, 1n, -1n, -1_000_000n].map(formatTime)).toEqual([
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00.120Z",
    "1970-01-01T00:00:00.000001Z",
    "1969-12-31T23:59:59.999999Z",
    "1969-12-31T23:59:59Z",
  ]);
});
