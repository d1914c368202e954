// Marks of errors: none is lost, none is shown twice, none overlaps the next.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Severity } from "#gen/millrace/v1/signal_pb.ts";
import { zoomed } from "./axis.ts";
import { clustersOf } from "./mark-clusters.ts";

test("every report in view is in one cluster, which has the worst severity", () => {
  const times = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(times, (all) => {
      const reports = all
        .sort((a, b) => a - b)
        .map((timeUs, i) => ({
          timeUs,
          severity: (1 + (i % 4)) as Severity,
          code: `E${i}`,
          message: "",
        }));
      const view = { fromUs: 100, toUs: 900 };
      const clusters = clustersOf(reports, { view, width: 400, markPx: 16 });
      const inView = reports.filter(({ timeUs }) => timeUs >= 100 && timeUs <= 900);
      expect(clusters.flatMap((one) => one.reports)).toEqual(inView);
      clusters.forEach(({ reports: here, worst, x }, i) => {
        expect(worst.severity).toBe(Math.max(...here.map(({ severity }) => severity)));
        if (i > 0) expect(x).toBeGreaterThan(clusters[i - 1]!.x);
      });
    }),
  );
});

test("zooming keeps the time under the pointer, within the limits", () => {
  const view = { fromUs: 1_000, toUs: 2_000 };
  const limits = [10, 100_000] as const;
  expect(zoomed(view, { atUs: 1_250, factor: 0.5, limits })).toEqual({
    fromUs: 1_125,
    toUs: 1_625,
  });
  expect(zoomed(view, { atUs: 1_500, factor: 1e-9, limits })).toEqual({
    fromUs: 1_495,
    toUs: 1_505,
  });
  const wide = zoomed(view, { atUs: 1_000, factor: 1e9, limits });
  expect(wide).toEqual({ fromUs: 1_000, toUs: 101_000 });
});
