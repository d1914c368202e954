// The order of names against that of their UTF-8 bytes.
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareText } from "./compare-text.ts";

test("texts are in the order of their UTF-8 bytes", () => {
  const text = fc.string({
    unit: fc.oneof(
      fc.constantFrom("a", "é", "\uff5e", "\ue000", "🏭", "\u{10000}"),
      fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    ),
    maxLength: 6,
  });
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(compareText(a, a)).toBe(0);
    }),
    { numRuns: 2_000 },
  );
  expect(compareText("\uff5e", "🏭")).toBeLessThan(0);
});
