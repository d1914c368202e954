// Samples in order, whatever order they arrive in.
import fc from "fast-check";
import { expect, test } from "vitest";
import { SampleRun } from "./sample-run.ts";

test("the run is the samples sorted by time, in order of arrival where times are equal", () => {
  const column = fc
    .array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 20 })
    .map((times) => times.sort((a, b) => a - b));
  fc.assert(
    fc.property(fc.array(column, { maxLength: 12 }), (columns) => {
      const run = new SampleRun();
      const all: { timeUs: number; value: number }[] = [];
      let value = 0;
      for (const times of columns) {
        const values = times.map(() => value++);
        run.add(new Float64Array(times), new Float64Array(values));
        times.forEach((timeUs, i) => {
          all.push({ timeUs, value: values[i]! });
        });
      }
      const sorted = all.sort((a, b) => a.timeUs - b.timeUs || a.value - b.value);
      expect(Array.from(run.timesUs)).toEqual(sorted.map(({ timeUs }) => timeUs));
      expect(Array.from(run.values)).toEqual(sorted.map((one) => one.value));
    }),
  );
});

test("it never holds more than its bound, and keeps the newest", () => {
  const run = new SampleRun(4_096);
  for (let i = 0; i < 20_000; i += 10) {
    const times = Float64Array.from({ length: 10 }, (_, k) => i + k);
    run.add(times, times);
    expect(run.length).toBeLessThanOrEqual(4_096);
  }
  expect(run.values.at(-1)).toBe(19_999);
  expect(run.length).toBeGreaterThan(2_000);
  expect(run.values[0]).toBe(20_000 - run.length);
  expect(run.indexFrom(19_990)).toBe(run.length - 10);
});
