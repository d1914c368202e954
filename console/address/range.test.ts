// Ranges that gestures write into the address.
import fc from "fast-check";
import { expect, test } from "vitest";
import { rangeText, resolveRange, shortRange } from "./range.ts";

test("a written range is read back as it was, and differs by far less than a pixel", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1e15, max: 2e15 }),
      fc.double({ min: 4, max: 15, noNaN: true }),
      (fromUs, size) => {
        const toUs = fromUs + 10 ** size;
        const [from, to] = shortRange(fromUs, toUs);
        const pixelUs = (toUs - fromUs) / 2_000;
        expect(Math.abs(from - fromUs)).toBeLessThanOrEqual(Math.max(0.5, pixelUs / 10));
        expect(Math.abs(to - toUs)).toBeLessThanOrEqual(Math.max(0.5, pixelUs / 10));
        const read = resolveRange({ from: rangeText(from), to: rangeText(to) }, 3e15);
        expect(read).toMatchObject({ fromUs: from, toUs: to, live: false });
      },
    ),
  );
});

test("a minute needs milliseconds, and a day whole seconds", () => {
  const text = (spanUs: number) => rangeText(shortRange(1.7e15 + 123_456, 1.7e15 + spanUs)[0]);
  expect(text(60e6)).toBe("2023-11-14T22:13:20.123Z");
  expect(text(86_400e6)).toBe("2023-11-14T22:13:20Z");
});
