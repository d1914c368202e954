// What the SQL views show of counters, and of sums and means of very large values.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { SampleType } from "#gen/millrace/v1/signal_pb.ts";
import { toDuration } from "../../codec/timestamps.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  await history.query("set timezone to 'UTC'; set random_page_cost to default");
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const hourUs = 3.6e9;
type Sample = readonly [timeUs: number, value: number];

test("a counter of signal power is no energy of states", async () => {
  const dayOneUs = Date.UTC(2026, 0, 6) * 1000;
  const samples: Sample[] = [0, 1, 2].map((hour) => [dayOneUs + hour * hourUs, hour]);
  const declared = { maxGap: toDuration(2 * hourUs), sampleType: SampleType.COUNTER };
  await history.ingest({
    machine: "m",
    samples: [{ ...column("power", samples), ...declared }],
    stateChanges: [{ time: at(dayOneUs), state: 1 }],
  });
  await history.settle();
  await history.settle();
  const rows = await history.query(
    "select distinct kwh, covered_seconds from millrace_v1.state_hours where time < '2026-01-06 02:00Z'",
  );
  expect(rows).toEqual([{ kwh: null, covered_seconds: 0 }]);
  expect(
    await history.query(
      "select signal, sample_type from millrace_v1.signals where machine = 'm' order by 1",
    ),
  ).toEqual([
    { signal: "power", sample_type: "COUNTER" },
    { signal: "state", sample_type: null },
  ]);
});

test("a counter beyond 1e300 that stands still goes up by 0, and a mean of such values is their max", async () => {
  for (const [machine, maxGapUs] of [
    ["by-minute", 1e6],
    ["by-hour", 60e6],
  ] as const) {
    const values = (list: number[]) =>
      list.map((value, i) => [Date.UTC(2026, 0, 5) * 1000 + i * 1e6, value] as const);
    const maxGap = toDuration(maxGapUs);
    await history.ingest({
      machine,
      samples: [
        { ...column("count", values([1.7e308, 1.7e308])), maxGap, sampleType: SampleType.COUNTER },
        { ...column("level", values([0, 1e302, 1.5e302])), maxGap },
      ],
    });
  }
  await history.compactAll();
  for (const view of ["samples_minute", "samples_hour", "samples_day"]) {
    const rows = await history.query(
      `select signal, increase, mean from millrace_v1.${view} where machine like 'by-%' and count > 0 order by signal`,
    );
    const count = { signal: "count", increase: 0, mean: 1.7e308 };
    const level = { signal: "level", increase: null, mean: 1.5e302 };
    expect(rows, view).toEqual([count, count, level, level]);
  }
});
