// The samples that a range reads at once, and so holds while its client does not read, are bounded
// however well they pack.
import { afterAll, beforeAll, expect, test } from "vitest";
import { epochUs, grid } from "../testing/batches.ts";
import { TestHistory, unaborted } from "../testing/history.ts";
import { blockPieces } from "./block-pieces.ts";
import { logPieces } from "./log-pieces.ts";
import type { PieceSource } from "./pieces.ts";

const batchSamples = 60_000;
const batches = 6;
const maxSamplesAtOnce = 131_072;

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
  for (let i = 0; i < batches; i++) {
    const values = new Array<number>(batchSamples).fill(1);
    await history.ingest({
      machine: "a",
      samples: [grid("power", epochUs + i * 600_000_000, values)],
    });
  }
});
afterAll(() => history[Symbol.asyncDispose]());

async function groupsOf(source: PieceSource) {
  const groups = [];
  for (let next = await source.next(); !next.done; next = await source.next())
    groups.push(next.value.pieces);
  return groups.map((pieces) => ({
    pieces: pieces.length,
    samples: pieces.reduce((sum, { column }) => sum + column.values.length, 0),
    revisions: pieces.some(({ revisions }) => revisions !== undefined),
  }));
}

test("of the log and of the history, at most 131,072 samples at once, with commits only where they are wanted", async () => {
  const series = await history.catalog.select({ machines: [], signals: ["power"] });
  const range = { series, fromUs: epochUs, toUs: epochUs + batches * 600_000_000 };
  const fromLog = (withRevisions: boolean) =>
    groupsOf(
      logPieces(
        history.database,
        { ...range, after: 0, through: batches },
        { maxHeaders: 1_000, withRevisions, abort: unaborted },
      ),
    );
  const logged = await fromLog(false);
  expect((await fromLog(true)).every(({ revisions }) => revisions)).toBe(true);
  await history.compactAll();
  const options = {
    maxHeaders: 1_000,
    maxSamples: Number.POSITIVE_INFINITY,
    withRevisions: false,
    abort: unaborted,
  };
  const stored = await groupsOf(
    blockPieces(history.database, { ...range, watermark: batches }, options),
  );
  for (const groups of [logged, stored]) {
    expect(groups.reduce((sum, { samples }) => sum + samples, 0)).toBe(batches * batchSamples);
    for (const { samples, revisions } of groups) {
      expect(samples).toBeLessThanOrEqual(maxSamplesAtOnce);
      expect(revisions).toBe(false);
    }
  }
});

test("of rows and blocks of one sample, at most 512 at once", async () => {
  await using small = await TestHistory.open();
  const signals = Array.from({ length: 1_500 }, (_, i) => grid(`s${i}`, epochUs + i, [i]));
  await small.ingest({ machine: "a", samples: signals });
  const series = await small.catalog.select({ machines: ["a"], signals: [] });
  const range = { series, fromUs: epochUs, toUs: epochUs + 1_500 };
  const logOptions = { maxHeaders: 25_000, withRevisions: false, abort: unaborted };
  const logged = await groupsOf(
    logPieces(small.database, { ...range, after: 0, through: 1 }, logOptions),
  );
  await small.compactAll();
  const options = {
    maxHeaders: 2_000,
    maxSamples: Number.POSITIVE_INFINITY,
    withRevisions: false,
    abort: unaborted,
  };
  const stored = await groupsOf(blockPieces(small.database, { ...range, watermark: 1 }, options));
  for (const groups of [logged, stored]) {
    expect(groups.reduce((sum, { samples }) => sum + samples, 0)).toBe(1_500);
    for (const { pieces } of groups) expect(pieces).toBeLessThanOrEqual(512);
  }
});
