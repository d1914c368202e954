// Spans cover the range to the minute, overlap nowhere, and are few.
import fc from "fast-check";
import { expect, test } from "vitest";
import { hourUs, minuteUs } from "./buckets-of-time.ts";
import { dayUs, touchSpans } from "./touch-spans.ts";

test("any range is covered once, to the minute, by few rows", () => {
  const time = fc
    .integer({ min: -400 * 1440, max: 400 * 1440 })
    .chain((minute) =>
      fc.constantFrom(0, 1, 30_000_000, minuteUs - 1).map((us) => minute * minuteUs + us),
    );
  fc.assert(
    fc.property(time, time, (a, b) => {
      const [fromUs, toUs] = a < b ? [a, b] : [b, a + 1];
      const spans = touchSpans(fromUs, toUs).sort((x, y) => x.fromUs - y.fromUs);
      expect(spans[0]!.fromUs).toBe(Math.floor(fromUs / minuteUs) * minuteUs);
      expect(spans.at(-1)!.toUs).toBe(Math.ceil(toUs / minuteUs) * minuteUs);
      for (const [i, span] of spans.entries()) {
        expect(Math.abs(span.fromUs % span.widthUs) + Math.abs(span.toUs % span.widthUs)).toBe(0);
        expect(span.fromUs).toBeLessThan(span.toUs);
        if (i > 0) expect(span.fromUs).toBe(spans[i - 1]!.toUs);
      }
      const rows = spans.reduce((sum, span) => sum + (span.toUs - span.fromUs) / span.widthUs, 0);
      expect(rows).toBeLessThanOrEqual(2 * 59 + 2 * 23 + (toUs - fromUs) / dayUs + 1);
    }),
  );
});

test("open ends are a day's", () => {
  expect(touchSpans(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)).toEqual([
    { widthUs: dayUs, fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY },
  ]);
  expect(touchSpans(23 * hourUs, Number.POSITIVE_INFINITY)).toEqual([
    { widthUs: hourUs, fromUs: 23 * hourUs, toUs: dayUs },
    { widthUs: dayUs, fromUs: dayUs, toUs: Number.POSITIVE_INFINITY },
  ]);
});
