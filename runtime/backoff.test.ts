// Delays grow, stay within their bounds and start over; a sleep ends early and leaves nothing
// behind.
import { getEventListeners } from "node:events";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createBackoff, sleep } from "./backoff.ts";

test("each delay lies between half and all of its doubled step, capped", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 60_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (baseMs, maxMs, r) => {
        const backoff = createBackoff({ baseMs, maxMs, random: () => r });
        for (let n = 0; n < 12; n++) {
          const ceilingMs = Math.min(maxMs, baseMs * 2 ** n);
          const delayMs = backoff.next();
          expect(delayMs).toBeGreaterThanOrEqual(Math.floor(ceilingMs / 2));
          expect(delayMs).toBeLessThanOrEqual(ceilingMs);
        }
        backoff.reset();
        expect(backoff.next()).toBeLessThanOrEqual(baseMs);
      },
    ),
  );
});

test("an abort ends the sleep at once with the reason, and no listener stays", async () => {
  const controller = new AbortController();
  const sleeping = sleep(3_600_000, controller.signal);
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
  controller.abort(new Error("stop"));
  await expect(sleeping).rejects.toThrow("stop");
  expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  await expect(sleep(0, controller.signal)).rejects.toThrow("stop");
});

test("a sleep that ends by itself removes its listener", async () => {
  vi.useFakeTimers();
  try {
    const controller = new AbortController();
    const sleeping = sleep(1000, controller.signal);
    await vi.advanceTimersByTimeAsync(1000);
    await sleeping;
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("a delay no timer can hold is refused instead of firing at once", async () => {
  await expect(sleep(2 ** 31)).rejects.toThrow(RangeError);
  await expect(sleep(Number.NaN)).rejects.toThrow(RangeError);
});
