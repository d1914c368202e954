// Times as people write them: every form, every edge, and back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatTime, fromTimestamp, isRelativeTime, parseTime, toTimestamp } from "./time.ts";

const nowUs = 1_772_352_000_000_000n; // 2026-03-01T08:00:00Z
const parse = (text: string) => parseTime(text, nowUs);
const anyUs = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });

test.each([
  ["2026-03-01T08:00:00Z", nowUs],
  ["2026-03-01t08:00:00z", nowUs],
  ["2026-03-01T09:00:00+01:00", nowUs],
  ["2026-03-01T09:00:00 01:00", nowUs],
  ["2026-03-01T02:30:00-05:30", nowUs],
  ["2026-03-01T08:00:00.1Z", nowUs + 100_000n],
  ["2026-03-01T08:00:00.123456789Z", nowUs + 123_456n],
  ["1969-12-31T23:59:59.999999Z", -1n],
  ["0001-01-01T00:00:00Z", -62_135_596_800_000_000n],
  ["9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999n],
  ["2026-03-01", nowUs - 8n * 3_600_000_000n],
  ["2024-02-29", 1_709_164_800_000_000n],
  ["1772352000000", nowUs],
  ["1772352000000.5", nowUs + 500n],
  ["-1", -1_000n],
  ["0", 0n],
  ["now", nowUs],
  ["-15m", nowUs - 900_000_000n],
  ["now-1h", nowUs - 3_600_000_000n],
  ["now+1s", nowUs + 1_000_000n],
  ["now 1s", nowUs + 1_000_000n],
  ["+250ms", nowUs + 250_000n],
  ["-2d", nowUs - 172_800_000_000n],
  ["-1w", nowUs - 604_800_000_000n],
])("%s", (text, us) => expect(parse(text)).toBe(us));

test.each([
  "",
  "yesterday",
  "2026-02-29",
  "2026-13-01",
  "0000-03-01",
  "2026-3-1",
  "20260301T",
  "2026-03-01Z",
  "2026-03-01T08:00:00",
  "2026-02-30T08:00:00Z",
  "2026-03-01T24:00:00Z",
  "2026-03-01T08:60:00Z",
  "2026-03-01T08:00:00+24:00",
  "0000-12-31T23:59:59Z",
  "0001-01-01T00:00:00+00:01",
  "9999-12-31T23:59:59-00:01",
  "10000-01-01T00:00:00Z",
  "253402300800000",
  "-999999w",
  "15m",
  "now-",
  "now-1y",
  "- 15m",
  "1e3",
  " 1",
])("%j is no time", (text) => expect(parse(text)).toBeUndefined());

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

test("epoch milliseconds name the same time as RFC 3339", () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      expect(parse(String(ms))).toBe(BigInt(ms) * 1_000n);
      expect(parse(new Date(ms).toISOString())).toBe(BigInt(ms) * 1_000n);
    }),
  );
});

test("a distance forth and back cancels out, and only distances are relative", () => {
  const units = fc.constantFrom("ms", "s", "m", "h", "d", "w");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), units, (amount, unit) => {
      const back = parse(`now-${amount}${unit}`)!;
      expect(parseTime(`+${amount}${unit}`, back)).toBe(nowUs);
      expect(isRelativeTime(`-${amount}${unit}`)).toBe(true);
      expect(isRelativeTime(String(amount))).toBe(false);
    }),
  );
});

test("no text makes it throw", () => {
  fc.assert(fc.property(fc.string(), (text) => parse(text) === undefined || formatTime(parse(text)!) !== ""));
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
