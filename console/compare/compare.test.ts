// Series of a comparison: an earlier period lies on the same axis.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { AggregateSamplesResponseSchema } from "#gen/millrace/v1/signal_service_pb.ts";
import { toTimestamp, toTimeUs } from "../../codec/timestamps.ts";
import { readCompared } from "./compare-series.ts";
import { planCompared } from "./plan-compared.ts";
import { shiftOf, shifts } from "./shifts.ts";

const fromUs = 1_767_571_200_000_000;
const abort = new AbortController().signal;

test("an earlier period is asked for as it was, and shown where the axis is now", async () => {
  const asked: number[] = [];
  const client = {
    async aggregateSamples({ startTime, resolution }: never) {
      const start = toTimeUs(startTime)!;
      asked.push(start);
      const isWhole = (resolution as { case: string }).case === "points";
      const bucket = { count: 2n, mean: 5, min: 1, max: 9, coverage: 1, integral: 10 };
      return create(AggregateSamplesResponseSchema, {
        series: ["b", "a"].map((machine) => ({
          machine,
          unit: "W",
          buckets: [
            { ...bucket, startTime: toTimestamp(start), maxTime: toTimestamp(start + 1e6) },
          ].slice(0, isWhole ? 1 : 1),
        })),
      });
    },
  };
  const plan = planCompared({ fromUs, toUs: fromUs + 3_600e6 }, 900, 2);
  const series = await readCompared(client as never, {
    machines: ["a", "missing", "b"],
    signal: "power",
    shiftUs: shiftOf("-7d"),
    ...plan,
    view: { fromUs, toUs: fromUs + 3_600e6 },
    abort,
  });
  const weekUs = 7 * 86_400e6;
  expect(new Set(asked)).toEqual(new Set([fromUs - weekUs]));
  expect(series.map(({ machine }) => machine)).toEqual(["a", "b"]);
  expect(series[0]!.grid.count[0]).toBe(2);
  expect(series[0]!.whole).toMatchObject({ mean: 5, max: 9, maxUs: fromUs + 1e6, integral: 10 });
});

test("distances are whole days, so that buckets of any width agree", () => {
  for (const [name, us] of shifts) {
    expect(us % 86_400e6).toBe(0);
    expect(shiftOf(name)).toBe(us);
  }
  expect(shiftOf("nonsense")).toBe(0);
});
