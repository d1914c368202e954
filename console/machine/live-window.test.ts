// A window and its feed: what is shown is what is stored, each sample once.
import fc from "fast-check";
import { expect, test } from "vitest";
import { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import type { PlotData } from "../chart/plot-data.ts";
import { SampleRun } from "../chart/sample-run.ts";
import { SeriesGrid } from "../chart/series-grid.ts";
import type { Watching } from "../live/live.ts";
import { LiveWindow, type LiveWindowOptions } from "./live-window.ts";
import type { WindowAnswer } from "./window-answer.ts";

const plan = { fromUs: 0, toUs: 1_000, widthUs: 10 };
const columnOf = (times: readonly number[]) => {
  const timesUs = Float64Array.from(times).sort();
  return { signal: "power", unit: "W", timesUs, values: timesUs.map((at) => at * 2) };
};

const samples = (times: readonly number[], maxLength?: number): PlotData => {
  const run = new SampleRun(maxLength);
  const { timesUs, values } = columnOf(times);
  run.add(timesUs, values);
  return { kind: "samples", run, maxGapUs: 100, stepped: false };
};

function open(data: PlotData, more: Partial<WindowAnswer & LiveWindowOptions> = {}) {
  let watching: Watching | undefined;
  const seen = { stale: 0, other: [] as string[], ended: false };
  const window = new LiveWindow({
    answer: {
      plan,
      cursor: "c1",
      series: new Map([["power", data]]),
      raw: data.kind === "samples",
      band: more.band ?? { kind: "intervals", intervals: [] },
      reports: [],
      reportsCut: false,
      reportsSpan: plan,
    },
    machine: "mill-1",
    onRecords: () => {},
    onStale: () => {
      seen.stale += 1;
    },
    onOther: (name) => void seen.other.push(name),
    watch: (asked) => {
      watching = asked;
      return {
        [Symbol.dispose]() {
          seen.ended = true;
        },
      };
    },
  });
  const send = (records: Partial<Parameters<LiveWindowOptions["onRecords"]>[0]>) =>
    watching!.onRecords({
      kind: "records",
      id: 1,
      cursor: "c2",
      commitMs: 0,
      records: [
        {
          machine: "mill-1",
          columns: [],
          stateChanges: [],
          errorReports: [],
          cursor: "c2",
          ...records,
        },
      ],
    });
  return { window, send, seen, after: watching!.after };
}

const timesOf = fc.array(fc.integer({ min: -500, max: 2_500 }), { maxLength: 40 });

test("the answer and what the feed brings are the stored samples, each once, ascending", () => {
  fc.assert(
    fc.property(timesOf, fc.array(timesOf, { maxLength: 8 }), (answered, batches) => {
      const inWindow = (at: number) => at >= plan.fromUs && at < plan.toUs;
      const data = samples(answered.filter(inWindow));
      const { send, after } = open(data);
      expect(after).toBe("c1");
      for (const batch of batches) send({ columns: [columnOf(batch)] });
      const stored = [answered, ...batches].flat().filter(inWindow);
      stored.sort((a, b) => a - b);
      const { run } = data as PlotData & { kind: "samples" };
      const end = run.indexFrom(plan.toUs);
      expect([...run.timesUs.subarray(0, end)]).toEqual(stored);
      expect([...run.values.subarray(0, end)]).toEqual(stored.map((at) => at * 2));
    }),
  );
});

test("buckets continued by the feed count each stored sample once", () => {
  fc.assert(
    fc.property(timesOf, fc.array(timesOf, { maxLength: 8 }), (answered, batches) => {
      const grid = new SeriesGrid(plan);
      const { timesUs, values } = columnOf(answered);
      grid.add(timesUs, values);
      const { send } = open({ kind: "buckets", grid, maxGapUs: 100 });
      for (const batch of batches) send({ columns: [columnOf(batch)] });
      const stored = [answered, ...batches].flat().filter((at) => at >= 0 && at < plan.toUs);
      expect(grid.count.reduce((sum, count) => sum + count, 0)).toBe(stored.length);
    }),
  );
});

test("samples far after a window do not push out those in view", () => {
  const data = samples([10, 20, 30], 2_000);
  const { send } = open(data);
  const later = Array.from({ length: 500 }, (_, at) => 10_000 + at);
  for (let i = 0; i < 20; i++) send({ columns: [columnOf(later.map((at) => at + i * 500))] });
  const { run } = data as PlotData & { kind: "samples" };
  expect([...run.timesUs]).toEqual([10, 20, 30]);
});

test("a live view that moves past its window still shows what comes", () => {
  const data = samples([990]);
  const { send } = open(data);
  send({ columns: [columnOf([1_500, 2_100])] });
  const { run } = data as PlotData & { kind: "samples" };
  expect([...run.timesUs]).toEqual([990, 1_500]);
});

test("samples of another signal are told, and the window is not read again for them", () => {
  const { send, seen } = open(samples([]));
  send({ columns: [{ ...columnOf([5]), signal: "temperature" }] });
  expect(seen).toMatchObject({ stale: 0, other: ["temperature"] });
});

const { ACTIVE, IDLE } = MachineState;

test("an interval that ended before the window's end is not continued past it", () => {
  const intervals = [{ state: ACTIVE, reason: "", fromUs: 100, toUs: 900 }];
  const { window, send, seen } = open(samples([]), { band: { kind: "intervals", intervals } });
  send({ stateChanges: [{ timeUs: 1_500, state: IDLE, reason: "" }] });
  expect(window.band.value).toEqual({ kind: "intervals", intervals });
  expect(seen.stale).toBe(0);
});

test("an interval that lasts is continued past the window's end", () => {
  const lasting = { state: ACTIVE, reason: "", fromUs: 100, toUs: Number.POSITIVE_INFINITY };
  const band = { kind: "intervals", intervals: [lasting] } as const;
  const { window, send } = open(samples([]), { band });
  send({ stateChanges: [{ timeUs: 1_500, state: IDLE, reason: "" }] });
  expect(window.stateAt(1_499)?.state).toBe(ACTIVE);
  expect(window.stateAt(1_500)?.state).toBe(IDLE);
  window[Symbol.dispose]();
});
