// Error counts, rates and availability.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { availability, countErrors, errorRate } from "./error-stats.ts";

const anyReport = fc.record(
  {
    severity: fc.integer({ min: 1, max: 4 }),
    code: fc.constantFrom("E1", "E10", "E2", "é", "Z"),
    count: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: ["severity", "code"] },
);

describe("countErrors", () => {
  it("counts each report once by severity and once by code, most frequent first", () => {
    fc.assert(
      fc.property(fc.array(anyReport), fc.integer({ min: 0, max: 6 }), (reports, maxCodes) => {
        const single = reports.flatMap(({ severity, code, count = 1 }) =>
          Array.from({ length: count }, () => ({ severity, code })),
        );
        const stats = countErrors(reports, { maxCodes });
        expect(stats).toEqual(countErrors(single.toReversed(), { maxCodes }));
        expect(stats.count).toBe(single.length);
        for (const severity of [1, 2, 3, 4]) {
          const expected = single.filter((report) => report.severity === severity).length;
          expect(stats.bySeverity.find((entry) => entry.severity === severity)?.count ?? 0).toBe(
            expected,
          );
        }
        for (const { code, count } of stats.byCode)
          expect(single.filter((report) => report.code === code).length).toBe(count);
        const codes = new Set(single.map(({ code }) => code)).size;
        expect(stats.byCode.length).toBe(Math.min(maxCodes, codes));
        expect(stats.otherCodes.codes).toBe(codes - stats.byCode.length);
        expect(stats.byCode.reduce((sum, { count }) => sum + count, stats.otherCodes.count)).toBe(
          single.length,
        );
        const order = stats.byCode.map(({ code, count }) => [-count, code] as const);
        expect(order).toEqual(
          order.toSorted(([a, codeA], [b, codeB]) => a - b || (codeA < codeB ? -1 : 1)),
        );
        for (const { code } of single.filter(
          (report) => !stats.byCode.some((entry) => entry.code === report.code),
        )) {
          const count = single.filter((report) => report.code === code).length;
          for (const entry of stats.byCode) expect(entry.count).toBeGreaterThanOrEqual(count);
        }
      }),
    );
  });
});

describe("errorRate and availability", () => {
  const hourUs = 3.6e9;

  it("set errors against active time", () => {
    expect(errorRate(6, [hourUs, 2 * hourUs, hourUs, hourUs, hourUs])).toEqual({
      perActiveHour: 3,
      meanActiveUsBetween: hourUs / 3,
    });
    expect(errorRate(0, [0, hourUs, 0, 0, 0])).toEqual({
      perActiveHour: 0,
      meanActiveUsBetween: undefined,
    });
    expect(errorRate(2, [hourUs, 0, 0, 0, 0])).toEqual({
      perActiveHour: undefined,
      meanActiveUsBetween: 0,
    });
  });

  it("judge a machine by its active, idle and faulty time alone", () => {
    expect(availability([1e9, 6, 3, 3, 1e9])).toBe(0.75);
    expect(availability([5, 0, 0, 0, 5])).toBeUndefined();
    expect(availability([0, 0, 0, 1, 0])).toBe(0);
  });
});
