// When a producer that falls behind says so, and when it does not.
import { expect, test } from "vitest";
import { createLagWatch, type LagSample } from "./lag.ts";

/** What is said, with the second in which it is, when so many seconds are behind in each. */
function said(behind: readonly (number | undefined)[]): string[] {
  const lines: string[] = [];
  let second = 0;
  const line = (level: string) => (message: string) =>
    void lines.push(`${second} ${level} ${message.split(" are not")[0]!.slice(0, 80)}`);
  const watch = createLagWatch({
    log: { info: line("info"), warn: line("warn") },
    nowMs: () => second * 1000,
  });
  for (const seconds of behind) {
    const at: LagSample | undefined =
      seconds === undefined
        ? undefined
        : { sourceSeconds: seconds / 4, heldRecords: seconds * 750, recordsPerSecond: 1000 };
    watch(at);
    second++;
  }
  return lines;
}

const steps = (count: number, of: (i: number) => number | undefined) =>
  Array.from({ length: count }, (_, i) => of(i));

test("a backlog that grows is told with its samples and seconds, and again each minute", () => {
  const lines = said(steps(130, (i) => i));
  expect(lines).toEqual([
    "5 warn falling behind: 5,000 samples (5 s)",
    "65 warn falling behind: 65,000 samples (65 s)",
    "125 warn falling behind: 125,000 samples (125 s)",
  ]);
});

test("once it has caught up, it says so, and would warn again at once", () => {
  const climb = steps(10, (i) => i);
  const lines = said([...climb, ...steps(10, (i) => 9 - i), ...climb]);
  expect(lines.map((line) => line.slice(0, 11))).toEqual([
    "5 warn fall",
    "19 info cau",
    "25 warn fal",
  ]);
});

test.each([
  ["small", steps(60, () => 4.9)],
  ["draining, as after an outage", steps(60, (i) => 100 - i)],
  ["steady", steps(60, () => 30)],
  ["of a backfill", steps(60, () => undefined)],
  [
    "just seen after a pause",
    [...steps(5, () => undefined), ...steps(4, (i) => 50 + i), undefined],
  ],
])("a backlog that is %s is no news", (_, behind) => {
  expect(said(behind)).toEqual([]);
});
