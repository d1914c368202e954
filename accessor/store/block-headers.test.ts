// Headers of many series come in order, each once, for pages of any size; and sparse series are not
// queried repeatedly.
import { afterAll, beforeAll, expect, test } from "vitest";
import { column } from "../testing/batches.ts";
import { TestHistory, unaborted } from "../testing/history.ts";
import { blockHeaders } from "./block-headers.ts";
import { inOrder } from "./history.ts";

const startUs = Date.UTC(2026, 0, 5) * 1_000;
const minutes = 90;
const nowUs = () => startUs + 86_400e6;
let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  // Two that are dense, and 60 with one block each, spread over the same time and after it.
  const every = (periodUs: number, count: number) =>
    Array.from({ length: count }, (_, i) => [startUs + i * periodUs, i] as const);
  for (const [machine, signals] of [
    ["dense", { power: every(20e6, 3 * minutes), oil: every(30e6, 2 * minutes) }],
    ["sparse", Object.fromEntries(every(150e6, 60).map((pair, i) => [`s${i}`, [pair]]))],
  ] as const)
    await history.ingest({
      machine,
      samples: Object.entries(signals).map(([signal, pairs]) => ({
        ...column(signal, pairs),
        unit: "W",
      })),
    });
  await history.compactAll({ nowUs });
}, 120_000);
afterAll(() => history[Symbol.asyncDispose]());

async function read(
  limit: number,
  { fromUs, toUs }: { fromUs: number; toUs: number },
  from = history,
) {
  const asked: number[] = [];
  const { database, catalog } = from;
  const counting = {
    ...database,
    lookUp: ((text, values, options) => {
      if (options.name === "block_headers") asked.push((values[0] as Buffer).byteLength);
      return database.lookUp(text, values, options);
    }) as typeof database.lookUp,
  };
  const series = await catalog.select({ machines: [], signals: [] });
  const [row] = await from.query<{ watermark: number }>(
    "select max(revision)::int as watermark from watermark",
  );
  const pages = await Array.fromAsync(
    blockHeaders(
      counting,
      { series, fromUs, toUs, watermark: row!.watermark },
      { limit, abort: unaborted },
    ),
  );
  return { pages, asked };
}

const all = { fromUs: startUs, toUs: startUs + 86_400e6 };

test.each([1, 7, 124, 10_000])("about %i at a time", async (limit) => {
  const { pages } = await read(limit, all);
  const headers = pages.flatMap((page) => page.headers);
  expect(new Set(headers.map(({ blockId }) => blockId)).size).toBe(headers.length);
  expect(headers).toEqual(headers.toSorted(inOrder));
  expect(headers.reduce((sum, { summary }) => sum + summary.count, 0)).toBe(5 * minutes + 60);
  for (const [i, { nextUs }] of pages.entries())
    expect(
      pages[i + 1]?.headers[0]?.summary.firstUs ?? Number.POSITIVE_INFINITY,
    ).toBeGreaterThanOrEqual(nextUs);
  expect(pages.at(-1)!.nextUs).toBe(Number.POSITIVE_INFINITY);
});

test("part of the time", async () => {
  const { pages } = await read(10, { fromUs: startUs + 3_600e6, toUs: startUs + 3_660e6 });
  const counts = pages.flatMap(({ headers }) => headers.map(({ summary }) => summary.count));
  expect(counts.length).toBeGreaterThan(0);
  expect(counts.length).toBeLessThan(8);
});

test("series with a block each are asked for once, beside some that have many", async () => {
  const { asked } = await read(124, all);
  const [first, ...later] = asked;
  // Later statements name no more than the two dense ones: an array takes about 20 bytes, and 8 for
  // each element.
  expect(Math.max(...later)).toBeLessThan(20 + 3 * 8);
  expect(first).toBeGreaterThan(62 * 8);
  expect(asked.length).toBeLessThan(8);
});

test("of thousands of series, no statement asks for more than 4,096 headers", async () => {
  await using wide = await TestHistory.open();
  const count = 5_000;
  const samples = Array.from({ length: count }, (_, i) =>
    column(`s${i}`, [[startUs + ((i * 7_919) % count), i]]),
  );
  await wide.ingest({ machine: "wide", samples });
  await wide.compactAll({ nowUs });
  const { pages, asked } = await read(2_000, all, wide);
  const headers = pages.flatMap((page) => page.headers);
  expect(new Set(headers.map(({ seriesId }) => seriesId)).size).toBe(count);
  expect(headers).toHaveLength(count);
  expect(headers).toEqual(headers.toSorted(inOrder));
  // Two of each series: an array takes 20 bytes, and 8 for each element.
  for (const bytes of asked) expect(bytes).toBeLessThanOrEqual(20 + 8 * 2_048);
});
