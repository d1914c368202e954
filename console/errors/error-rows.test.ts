// The rows of the errors' table: in order, each once, within the bound.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Severity } from "#gen/millrace/v1/signal_pb.ts";
import { firstAtOrBefore, merged, newestFirst, rowsSince } from "./error-rows.ts";

const report = (timeUs: number, code = "E1") => ({
  machine: "mill-1",
  timeUs,
  severity: Severity.ERROR,
  code,
  message: "",
});
const reports = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.constantFrom("E1", "E2")), {
    selector: ([timeUs, code]) => `${timeUs} ${code}`,
  })
  .map((some) => newestFirst(some.map(([timeUs, code]) => report(timeUs, code))));
const keys = (rows: readonly { timeUs: number; code: string }[]) =>
  rows.map(({ timeUs, code }) => `${timeUs} ${code}`);

test("rows and others are all there, newest first, and what both have is there once", () => {
  fc.assert(
    fc.property(reports, reports, (rows, others) => {
      const all = merged(rows, others);
      const times = all.map(({ timeUs }) => timeUs);
      expect(times).toEqual(times.toSorted((a, b) => b - a));
      expect(keys(all).toSorted()).toEqual(
        [...new Set([...keys(rows), ...keys(others)])].toSorted(),
      );
    }),
  );
});

test("beyond the bound the oldest go", () => {
  fc.assert(
    fc.property(reports, reports, fc.nat({ max: 20 }), (rows, others, most) => {
      expect(merged(rows, others, most)).toEqual(
        rows.length > most && others.length === 0 ? rows : merged(rows, others).slice(0, most),
      );
    }),
  );
});

test("what has left the range is cut off, and nothing else", () => {
  fc.assert(
    fc.property(reports, fc.integer({ min: -1, max: 42 }), (rows, fromUs) => {
      expect(rowsSince(rows, fromUs)).toEqual(rows.filter(({ timeUs }) => timeUs >= fromUs));
      const first = rows.findIndex(({ timeUs }) => timeUs <= fromUs);
      expect(firstAtOrBefore(rows, fromUs)).toBe(first === -1 ? rows.length : first);
    }),
  );
});
