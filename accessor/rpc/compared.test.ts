// Summaries with peak demand, and beside those of another window.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import * as rpc from "#gen/millrace/v1/signal_service_pb.ts";
import type { MachineSummary } from "#gen/millrace/v1/summary_pb.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory } from "../testing/history.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());
beforeEach(() => history.clear());

const baseUs = Date.UTC(2026, 0, 7) * 1000;
const minuteUs = 60e6;
const quarter = { seconds: 900n };

type Init = Exclude<
  MessageInitShape<typeof rpc.SummarizeMachinesRequestSchema>,
  rpc.SummarizeMachinesRequest
>;

async function ask(revision: number, init: Init) {
  const { service, context } = history.serviceAt(revision);
  const answer = await service.summarizeMachines(
    create(rpc.SummarizeMachinesRequestSchema, init),
    context,
  );
  return {
    ...answer,
    machines: answer.machines as MachineSummary[],
    compared: answer.compared as MachineSummary[],
  };
}

test("peak demand is the greatest energy of a whole quarter hour, by its length", {
  timeout: 60_000,
}, async () => {
  const load = fc.array(
    fc.record({
      minute: fc.integer({ min: 0, max: 180 }),
      watts: fc.integer({ min: -50, max: 900 }),
    }),
    {
      minLength: 2,
      maxLength: 60,
    },
  );
  const window = fc.record({
    from: fc.integer({ min: 0, max: 120 }),
    minutes: fc.integer({ min: 1, max: 120 }),
  });
  await fc.assert(
    fc.asyncProperty(load, window, fc.boolean(), async (records, { from, minutes }, compacts) => {
      await history.clear();
      const byMinute = new Map(records.map(({ minute, watts }) => [minute, watts]));
      const points = [...byMinute].sort(([a], [b]) => a - b);
      const samples = points.map(([minute, watts]) => [baseUs + minute * minuteUs, watts] as const);
      const power = { ...column("power", samples), maxGap: { seconds: 1_200n } };
      let { revision } = await history.ingest({ machine: "m", samples: [power] });
      if (compacts) revision = await history.settle();
      // By hand: the height of the line in the middle of each minute.
      const heightAt = (middle: number) => {
        const p = points.findLast(([minute]) => minute <= middle);
        const q = points.find(([minute]) => minute > middle);
        if (p === undefined || q === undefined || q[0] - p[0] > 20) return undefined;
        return p[1] + ((q[1] - p[1]) * (middle - p[0])) / (q[0] - p[0]);
      };
      let best: { minute: number; watts: number; covered: number } | undefined;
      for (let minute = Math.ceil(from / 15) * 15; minute + 15 <= from + minutes; minute += 15) {
        const heights = Array.from({ length: 15 }, (_, i) => heightAt(minute + i + 0.5)).filter(
          (one) => one !== undefined,
        );
        const watts = heights.reduce((sum, one) => sum + one, 0) / 15;
        if (heights.length > 0 && (best === undefined || watts > best.watts + 1e-9))
          best = { minute, watts, covered: heights.length / 15 };
      }
      const window = {
        startTime: at(baseUs + from * minuteUs),
        endTime: at(baseUs + (from + minutes) * minuteUs),
      };
      const { machines } = await ask(revision, {
        machines: ["m"],
        ...window,
        demandInterval: quarter,
      });
      const { peakDemandW, peakDemandTime, peakDemandCoverage } = machines[0]!.energy!;
      if (best === undefined) expect(peakDemandW).toBeUndefined();
      else {
        expect(peakDemandW).toBeCloseTo(best.watts, 6);
        expect(peakDemandTime).toMatchObject(at(baseUs + best.minute * minuteUs));
        expect(peakDemandCoverage).toBeCloseTo(best.covered, 9);
      }
    }),
    { numRuns: 8 },
  );
});

test("of intervals whose demand is equal the earliest counts, however sums are rounded", async () => {
  const secondsOfDay = 86_400;
  const every = (seconds: number, values: readonly number[]) =>
    Array.from(
      { length: Math.floor(secondsOfDay / seconds) + 1 },
      (_, i) => [baseUs + i * seconds * 1e6, values[i % values.length]!] as const,
    );
  // Each hour has the same, which roll-ups round up.
  const hourly = every(
    900,
    [175.20626542406444, 170.14336713557896, 365.8855893920627, 551.3731233243161],
  );
  const loads = { steady: every(7, [1 / 3]), hourly };
  let revision = 0;
  for (const [machine, samples] of Object.entries(loads))
    ({ revision } = await history.ingest({ machine, samples: [column("power", samples)] }));
  const expectFirst = async () => {
    for (const machine of Object.keys(loads)) {
      const window = { startTime: at(baseUs), endTime: at(baseUs + secondsOfDay * 1e6) };
      const asked = { machines: [machine], ...window, demandInterval: { seconds: 3_600n } };
      const { peakDemandTime, peakDemandW, peakPowerW } = (await ask(revision, asked)).machines[0]!
        .energy!;
      expect(peakDemandTime, machine).toMatchObject(at(baseUs));
      expect(peakDemandW).toBeLessThanOrEqual(peakPowerW!);
    }
  };
  await expectFirst();
  revision = await history.settle();
  await expectFirst();
  // What comes again changes no sum, but the first hour is not taken from its roll-up now.
  ({ revision } = await history.ingest({
    machine: "hourly",
    samples: [column("power", [hourly[1]!])],
  }));
  await expectFirst();
});

test("another window is summed up beside it, as if it were asked for alone", async () => {
  const day = 1_440 * minuteUs;
  for (const [machine, watts] of [["a", 100] as const, ["b", 300] as const])
    for (const [n, state] of [MachineState.ACTIVE, MachineState.FAULT].entries()) {
      const samples = Array.from(
        { length: 97 },
        (_, i) => [baseUs + n * day + i * 15 * minuteUs, watts * (n + 1)] as const,
      );
      await history.ingest({
        machine,
        samples: [column("power", samples)],
        stateChanges: [{ time: at(baseUs + n * day), state }],
      });
    }
  const window = { startTime: at(baseUs + day), endTime: at(baseUs + 2 * day) };
  const other = { compareStartTime: at(baseUs), compareEndTime: at(baseUs + day) };
  const alone = await ask(4, window);
  const before = await ask(4, { startTime: other.compareStartTime, endTime: other.compareEndTime });
  const both = await ask(4, { ...window, ...other });
  expect(both.machines).toEqual(alone.machines);
  expect(both.compared).toEqual(before.machines);
  expect(alone.compared).toEqual([]);
  expect(both.compared.map(({ energy }) => energy!.energyKwh)).toEqual(
    [2.4, 7.2].map((kwh) => expect.closeTo(kwh, 9)),
  );
  // In pages, each with its own.
  const first = await ask(4, { ...window, ...other, pageSize: 1 });
  const second = await ask(4, {
    ...window,
    ...other,
    pageSize: 1,
    pageToken: first.nextPageToken!,
  });
  expect([...first.compared, ...second.compared]).toEqual(both.compared);
});

test("what cannot be compared or has too many intervals is refused", async () => {
  await history.ingest({ machine: "m", samples: [column("power", [[baseUs, 1]])] });
  const window = { startTime: at(baseUs), endTime: at(baseUs + 3_600e6) };
  const refused = (init: Init, reason: string, field?: string) =>
    expect(ask(1, { ...window, ...init })).rejects.toMatchObject({
      reason,
      ...(field && { metadata: { field } }),
    });
  await refused({ demandInterval: { seconds: 59n } }, "REQUEST_INVALID", "demand_interval");
  await refused({ demandInterval: { seconds: 86_401n } }, "REQUEST_INVALID", "demand_interval");
  const year = { startTime: at(baseUs - 365 * 86_400e6) };
  await refused({ ...year, demandInterval: quarter }, "TOO_MANY_BUCKETS");
  await refused({ compareStartTime: at(baseUs) }, "REQUEST_INVALID", "compare_end_time");
  await refused({ compareEndTime: at(baseUs) }, "REQUEST_INVALID", "compare_start_time");
  const later = { compareStartTime: at(baseUs), compareEndTime: at(baseUs + 3_601e6) };
  await refused(later, "REQUEST_INVALID", "compare_end_time");
  const empty = { compareStartTime: at(baseUs), compareEndTime: at(baseUs) };
  await expect(ask(1, { ...window, ...empty })).rejects.toMatchObject({
    reason: "TIME_RANGE_INVALID",
    message: expect.stringMatching(/^compare_start_time \S+Z is not before compare_end_time \S+Z$/),
    metadata: { compare_start_time: expect.anything(), compare_end_time: expect.anything() },
  });
});
