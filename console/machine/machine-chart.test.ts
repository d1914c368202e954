// When a chart asks for another window, and when it does not.
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { PlotData } from "../chart/plot-data.ts";
import { SampleRun } from "../chart/sample-run.ts";
import { SeriesGrid } from "../chart/series-grid.ts";
import { MachineChart } from "./machine-chart.ts";
import type { ReadWindowOptions, WindowAnswer } from "./window-answer.ts";

const startMs = Date.UTC(2026, 5, 1);
const power = { name: "power", unit: "W", maxGapUs: 1e6, stepped: false, counter: false };

beforeEach(() => {
  vi.useFakeTimers({ now: startMs });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An answer with samples at these times. */
function answerWith(
  timesUs: readonly number[],
  { plan, raw, signals }: ReadWindowOptions,
): WindowAnswer {
  const times = Float64Array.from(timesUs);
  const data = (): PlotData => {
    if (raw) {
      const run = new SampleRun();
      run.add(times, times);
      return { kind: "samples", run, maxGapUs: 1e6, stepped: false };
    }
    const grid = new SeriesGrid(plan);
    grid.add(times, times);
    return { kind: "buckets", grid, maxGapUs: 1e6 };
  };
  return {
    plan,
    raw,
    cursor: "c",
    series: new Map(signals.map(({ name }) => [name, data()] as const)),
    band: { kind: "intervals", intervals: [] },
    reports: [],
    reportsCut: false,
    reportsSpan: plan,
  };
}

type Asked = ReadWindowOptions & { resolve: (answer: WindowAnswer) => void };

function open(viewUs: number, answer?: (asked: ReadWindowOptions) => WindowAnswer) {
  const asked: Asked[] = [];
  const nowUs = Date.now() * 1_000;
  const chart = new MachineChart({
    // Only `read` would use it.
    client: {} as ReadWindowOptions["client"],
    machine: "mill-1",
    signals: [power],
    view: { fromUs: nowUs - viewUs, toUs: nowUs },
    onRecords: () => {},
    watch: () => ({ [Symbol.dispose]: () => {} }),
    read: (options) =>
      new Promise((resolve, reject) => {
        asked.push({ ...options, resolve });
        options.abort.addEventListener("abort", () => reject(options.abort.reason));
        try {
          if (answer !== undefined) resolve(answer(options));
        } catch (error) {
          reject(error);
        }
      }),
  });
  chart.show(["power"]);
  /** The view ends now, as a live one does, at each of so many frames. */
  const live = async (ms: number, everyMs = 100) => {
    for (let passedMs = 0; passedMs < ms; passedMs += everyMs) {
      await vi.advanceTimersByTimeAsync(everyMs);
      const toUs = Date.now() * 1_000;
      chart.axis.show({ fromUs: toUs - viewUs, toUs });
      chart.check();
    }
  };
  return { chart, asked, live };
}

test("a live view gives up no reading, however slow it is", async () => {
  const { chart, asked, live } = open(2e6);
  await live(30_000);
  expect(asked).toHaveLength(1);
  expect(asked[0]!.abort.aborted).toBe(false);
  asked[0]!.resolve(answerWith([], asked[0]!));
  await live(1_000);
  expect(chart.window.value).toBeDefined();
  expect(asked).toHaveLength(2);
  chart[Symbol.dispose]();
  expect(asked[1]!.abort.aborted).toBe(true);
});

test("a view that somebody moved elsewhere gives up the reading that cannot serve it", async () => {
  const { chart, asked } = open(60e6);
  await vi.advanceTimersByTimeAsync(10);
  chart.axis.show({ fromUs: 1e15, toUs: 1e15 + 60e6 });
  chart.check({ moved: true });
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toHaveLength(2);
  expect(asked[0]!.abort.aborted).toBe(true);
  chart[Symbol.dispose]();
});

test("two samples a millisecond apart are shown as samples, and that is that", async () => {
  const atUs = startMs * 1_000 - 30e6;
  const { chart, asked, live } = open(60e6, (options) => answerWith([atUs, atUs + 1e3], options));
  await live(10_000);
  expect(asked.map(({ raw }) => raw)).toEqual([false, true]);
  chart[Symbol.dispose]();
});

test("as many samples as do not fit stay buckets", async () => {
  const times = Array.from({ length: 40_000 }, (_, at) => startMs * 1_000 - 60e6 + at * 1_000);
  const { chart, asked, live } = open(60e6, (options) => answerWith(times, options));
  await live(10_000);
  expect(asked.map(({ raw }) => raw)).toEqual([false]);
  chart[Symbol.dispose]();
});

test("a window that is refused is not asked for again without a pause", async () => {
  const { chart, asked, live } = open(60e6, () => {
    throw new ConnectError("too many buckets", Code.InvalidArgument);
  });
  await live(9_000);
  expect(asked).toHaveLength(1);
  expect(chart.problem.value).toContain("Too many buckets");
  await live(3_000);
  expect(asked).toHaveLength(2);
  chart.check({ moved: true });
  await vi.advanceTimersByTimeAsync(500);
  expect(asked).toHaveLength(3);
  chart[Symbol.dispose]();
});

test("a lane that is hidden asks for nothing, and one that is shown for a window", async () => {
  const { chart, asked, live } = open(60e6, (options) => answerWith([], options));
  await live(1_000);
  const before = asked.length;
  chart.show([]);
  await live(1_000);
  expect(asked).toHaveLength(before);
  chart.show(["power"]);
  await live(1_000);
  expect(asked).toHaveLength(before);
  chart[Symbol.dispose]();
});
