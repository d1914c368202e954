// Columns merged by time, compared with a plain sort of all their samples.
import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeByTime } from "./merge.ts";

test("columns are merged by time, at equal times in their order, and stop where they should", async () => {
  const column = fc
    .array(fc.nat(30), { maxLength: 20 })
    .map((times) => times.sort((a, b) => a - b));
  await fc.assert(
    fc.asyncProperty(fc.array(column, { maxLength: 8 }), fc.nat(60), async (columns, stop) => {
      const series = columns.map((times, of) => ({
        of,
        timesUs: Float64Array.from(times),
        values: times.map((_, i) => i),
      }));
      const expected = columns
        .flatMap((times, of) => times.map((time, i) => ({ of, time, i })))
        .sort((a, b) => a.time - b.time || a.of - b.of || a.i - b.i);
      const merged: typeof expected = [];
      const whole = await mergeByTime(series, (of, time, i) => {
        if (merged.length === stop) return false;
        merged.push({ of, time, i });
        return merged.length % 7 === 0 ? Promise.resolve() : undefined;
      });
      expect(merged).toEqual(expected.slice(0, stop));
      expect(whole).toBe(expected.length <= stop);
    }),
  );
});
