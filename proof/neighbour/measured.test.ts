// The judge of the good tenant finds what it must find: failures, slow answers, answers that stop
// coming.
import { expect, test } from "vitest";
import { judgeLatencies, type Measured, slowestBySlot } from "./measured.ts";

const [fromMs, untilMs] = [60_000, 120_000];

/**
 * A question a second for two minutes; from the end of the first minute on, the answers take the
 * times in `during`.
 */
function measuredWith(during: (second: number) => number | undefined): Measured[] {
  return Array.from({ length: 120 }, (_, second) => {
    const tookMs = second < 60 ? 10 : during(second);
    return tookMs === undefined ? [] : [{ atMs: second * 1_000, what: "latest", tookMs }];
  }).flat();
}

const judge = (measured: Measured[]) => judgeLatencies(measured, { fromMs, untilMs });

test("a neighbour who is not noticed passes", () => {
  expect(judge(measuredWith(() => 29))).toEqual([]);
});

test("half of the answers taking more than three times as long are found", () => {
  expect(judge(measuredWith((second) => (second < 91 ? 31 : 10)))).toEqual([
    expect.stringContaining("median 31.0 ms"),
  ]);
});

test("a few answers of more than a second are found", () => {
  expect(judge(measuredWith((second) => (second === 80 ? 1_001 : 10)))).toEqual([
    expect.stringContaining("p99 1001 ms"),
  ]);
});

test("answers that stop coming, and a failure, are found", () => {
  expect(judge(measuredWith(() => undefined))).toEqual([expect.stringContaining("never answered")]);
  const failed = measuredWith(() => 10).map((one, i) =>
    i === 100 ? { ...one, error: "503" } : one,
  );
  expect(judge(failed)).toEqual(["latest failed: 503"]);
});

test("the slowest answer is told of the slot that it was asked in", () => {
  const slots = [
    { kind: "bombs", fromMs: 60_000, toMs: 75_000 },
    { kind: "exports", fromMs: 75_000, toMs: 120_000 },
  ];
  const measured = measuredWith((second) => (second === 80 ? 400 : 10));
  expect(slowestBySlot(measured, slots).map((slot) => slot["most ms"])).toEqual([10, 400]);
});
