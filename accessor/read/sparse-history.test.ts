// Sparse data costs few statements: a sample a week for decades, an hour of work a day, and both
// beside dense data.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MachineState } from "#gen/millrace/v1/signal_pb.ts";
import { readWatermark } from "../store/watermark.ts";
import { Examiner } from "../testing/answers.ts";
import { at, column } from "../testing/batches.ts";
import { TestHistory, unaborted } from "../testing/history.ts";
import type { RawRecord } from "../testing/records.ts";
import { aggregate } from "./aggregate.ts";
import { summarizeMachine } from "./machine-summary.ts";
import { noSilence } from "./silences.ts";

const weekUs = 7 * 86_400e6;
const weeks = 700;
const firstUs = Date.UTC(2012, 0, 1, 3, 7) * 1_000;
const endUs = firstUs + weeks * weekUs;
const nowUs = () => endUs + 3_600e6;

let history: TestHistory;
const records: RawRecord[] = [];
beforeAll(async () => {
  history = await TestHistory.open();
  const keep = (
    signal: string,
    revision: number,
    from: readonly (readonly [timeUs: number, value: number])[],
  ) => {
    for (const [position, [timeUs, value]] of from.entries())
      records.push({ machine: "a", signal, timeUs, revision, position, value, text: "" });
  };
  // A sample each week, and another shortly after it, so that there are lines; states at every
  // third.
  const sparse = Array.from({ length: weeks }, (_, i) => firstUs + i * weekUs).flatMap(
    (timeUs, i) => [[timeUs, i] as const, [timeUs + 500_000, i + 1] as const],
  );
  const dense = Array.from(
    { length: 4_000 },
    (_, i) => [endUs - 200 * weekUs + i * 900_000, i % 7] as const,
  );
  const states = Array.from(
    { length: weeks / 5 },
    (_, i) => [firstUs + i * 5 * weekUs + 200_000, 1 + (i % 3)] as const,
  );
  for (const samples of [sparse, dense]) {
    const { revision } = await history.ingest({
      machine: "a",
      samples: [{ ...column("power", samples), unit: "W" }],
    });
    keep("power", revision, samples);
  }
  const stateChanges = states.map(([timeUs, state]) => ({
    time: at(timeUs),
    state: state as MachineState,
    reason: "",
  }));
  const { revision } = await history.ingest({ machine: "a", stateChanges });
  keep("state", revision, states);
  await history.compactAll({ nowUs });
}, 240_000);
afterAll(() => history[Symbol.asyncDispose]());

/** The database, and how many statements it received. */
function counting() {
  const counted = { statements: 0 };
  const count =
    <A extends unknown[], R>(ask: (...args: A) => R) =>
    (...args: A): R => {
      counted.statements++;
      return ask(...args);
    };
  const { database } = history;
  const { read, lookUp, ask, copyOut } = database;
  return {
    counted,
    database: {
      ...database,
      read: count(read.bind(database)),
      lookUp: count(lookUp.bind(database)),
      ask: count(ask.bind(database)),
      copyOut: count(copyOut.bind(database)),
    } as typeof database,
  };
}

async function context() {
  const series = await history.catalog.select({ machines: ["a"], signals: [] });
  const { revision } = records.at(-1)!;
  const watermark = await readWatermark(history.database, revision, { abort: unaborted });
  return {
    series,
    power: series.find(({ signal }) => signal === "power")!,
    revision,
    watermark,
    abort: unaborted,
  };
}

const countOf = (buckets: readonly { count: number }[]) =>
  buckets.reduce((sum, { count }) => sum + count, 0);
const samples = () =>
  records.filter(({ signal, timeUs }) => signal === "power" && timeUs < endUs).length;

test("buckets of a month, where hours are rolled up", async () => {
  const { series: _, power, ...of } = await context();
  const { counted, database } = counting();
  const edgesUs = Float64Array.from({ length: 200 }, (_, i) => firstUs + i * 30 * 86_400e6);
  expect(countOf(await aggregate(database, { series: power, edgesUs, ...of }))).toBe(samples());
  expect(counted.statements).toBeLessThan(60);
});

test("buckets of less than an hour, and a stretch that turns out to hold too much is looked at week by week", async () => {
  const { series: _, power, ...of } = await context();
  const edgesUs = Float64Array.from({ length: 141_200 }, (_, i) => firstUs + i * 3_000e6);
  const ask = async (maxHeaders?: number) => {
    const { counted, database } = counting();
    const query = { series: power, edgesUs, ...of, ...(maxHeaders && { maxHeaders }) };
    return { buckets: await aggregate(database, query), ...counted };
  };
  const few = await ask();
  expect(countOf(few.buckets)).toBe(samples());
  expect(few.statements).toBeLessThan(90);
  const many = await ask(40);
  expect(many.buckets).toEqual(few.buckets);
  expect(many.statements).toBeGreaterThan(few.statements);
});

test("a summary of all of it", async () => {
  const { series, power: _, ...of } = await context();
  const { counted, database } = counting();
  const { machineId } = series[0]!;
  const query = {
    machine: "a",
    machineId,
    series,
    fromUs: 0,
    toUs: endUs,
    silent: noSilence,
    ...of,
  };
  const summary = await summarizeMachine({ database }, query);
  expect(summary.states!.map(({ state }) => state)).toEqual([0, 1, 2, 3]);
  expect(counted.statements).toBeLessThan(100);
});

test("and they are what the raw records say", { timeout: 240_000 }, async () => {
  const { revision } = records.at(-1)!;
  for (const [fromUs, toUs] of [
    [firstUs - 7_000_000, endUs],
    [endUs - 200 * weekUs - 1, endUs - 199 * weekUs + 17],
  ] as const) {
    const width = Math.max(3_600e6, Math.floor((toUs - fromUs) / 50));
    const question = {
      fromUs,
      toUs,
      pageSize: 1_000,
      widthUs: width,
      points: 50,
      state: 1,
      parts: ["buckets", "summaries"] as const,
    };
    await new Examiner(history, { records, revision, question }).run();
  }
});
