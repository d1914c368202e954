// Ranges as the address says them.
import fc from "fast-check";
import { expect, test } from "vitest";
import { rangeText, resolveRange } from "./range.ts";

const nowUs = Date.parse("2026-12-01T08:00:00Z") * 1000;

test("a range without an end is live only if it moves on with now", () => {
  expect(resolveRange({ from: "-15m", to: undefined }, nowUs)).toEqual({
    fromUs: nowUs - 900e6,
    toUs: nowUs,
    live: true,
  });
  const sinceMidnight = resolveRange({ from: "2026-12-01", to: undefined }, nowUs);
  expect(sinceMidnight).toEqual({ fromUs: nowUs - 8 * 3_600e6, toUs: nowUs, live: false });
});

test("what is no range is none", () => {
  for (const [from, to] of [
    ["yesterday", undefined],
    ["-15m", "soon"],
    ["2026-12-01", "2026-12-01"],
    ["-1h", "-2h"],
  ] as const)
    expect([from, to, resolveRange({ from, to }, nowUs)]).toEqual([from, to, undefined]);
});

test("a time that the address shows is the time that it is read as", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1e15, max: 4e15 }), (fromUs) => {
      const range = { from: rangeText(fromUs), to: rangeText(fromUs + 1) };
      expect(resolveRange(range, nowUs)).toEqual({ fromUs, toUs: fromUs + 1, live: false });
    }),
  );
});
