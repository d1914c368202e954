// Lengths of time: as they are written, as PostgreSQL writes them, and back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { durationText, parseDuration, parseInterval } from "./duration.ts";

test.each([
  ["20m", 1_200_000_000n],
  ["1200s", 1_200_000_000n],
  ["1.5h", 5_400_000_000n],
  ["0.02s", 20_000n],
  ["500ms", 500_000n],
  ["7us", 7n],
  ["0.0000019s", 1n],
  ["1d", 86_400_000_000n],
])("%s", (text, us) => expect([parseDuration(text), parseInterval(text)]).toEqual([us, us]));

test.each([
  ["00:20:00", 1_200_000_000n],
  ["00:00:00.02", 20_000n],
  ["1 day", 86_400_000_000n],
  ["1 day 00:00:01", 86_401_000_000n],
])("%s is an interval", (text, us) => {
  expect(parseInterval(text)).toBe(us);
  expect(parseDuration(text)).toBeUndefined();
});

test.each(["", "20", "m", "-1s", "1 m", "1e3s", ".5s", "1.s", "1mo", "00:20", "999999999999999w"])(
  "%j is none",
  (text) => {
    expect([parseDuration(text), parseInterval(text)]).toEqual([undefined, undefined]);
  },
);

test("whatever is written is read again", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), (us) => {
      expect(parseDuration(durationText(us))).toBe(us);
    }),
  );
  expect([1_200_000_000n, 20_000n, 1_500_000n, 0n].map(durationText)).toEqual([
    "1200s",
    "0.02s",
    "1.5s",
    "0s",
  ]);
});
