// Of the blocks of some ranges, one more than wanted is read at most: who sees it asks for less.
import { afterAll, beforeAll, expect, test } from "vitest";
import { readBlocksOfRanges } from "../store/history.ts";
import { column } from "../testing/batches.ts";
import { TestHistory, unaborted } from "../testing/history.ts";
import { baseUs } from "../testing/records.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
afterAll(() => history[Symbol.asyncDispose]());

test("headers of ranges end with the first above the bound", async () => {
  const minutes = Array.from(
    { length: 6 },
    (_, minute) => [baseUs + minute * 60_000_000, minute] as const,
  );
  // Kept by the minute, as what has such a max_gap is.
  const samples = [{ ...column("power", minutes), maxGap: { seconds: 1n } }];
  const { revision } = await history.ingest({ machine: "a", samples });
  await history.compactAll();
  const seriesId = history.catalog.find("a", "power")!.id;
  const range = { fromUs: baseUs, toUs: baseUs + 3_600_000_000 };
  const read = async (max?: number) => {
    const question = {
      seriesId,
      ranges: [range],
      watermark: revision,
      ...(max === undefined ? {} : { max }),
    };
    return (await readBlocksOfRanges(history.database, question, { abort: unaborted })).length;
  };
  const all = await read();
  expect(all).toBeGreaterThan(3);
  expect([await read(0), await read(2), await read(all - 1), await read(all)]).toEqual([
    1,
    3,
    all,
    all,
  ]);
});
