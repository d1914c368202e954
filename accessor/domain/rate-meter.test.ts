// Rates of the last seconds, by an injected clock.
import { expect, test } from "vitest";
import { RateMeter } from "./rate-meter.ts";

test("the mean of the last ten seconds that are over", () => {
  let nowMs = 100_000;
  const meter = new RateMeter(() => nowMs);
  for (let i = 0; i < 30; i++) {
    meter.add(7);
    meter.add(3);
    nowMs += 1_000;
  }
  expect(meter.perSecond()).toBe(10);
  // The second that is being counted does not count yet.
  meter.add(1_000);
  expect(meter.perSecond()).toBe(10);
  nowMs += 5_000;
  expect(meter.perSecond()).toBe((5 * 10 + 1_000) / 10);
  nowMs += 60_000;
  expect(meter.perSecond()).toBe(0);
});
