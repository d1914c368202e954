// A minute of one series that has more samples than a step holds: it is written again in pieces,
// and a step takes more than one commit for it.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { maxBlockSamples } from "../history/buckets-of-time.ts";
import { readBuckets } from "../store/history.ts";
import { epochUs } from "../testing/batches.ts";
import { TestHistory, unaborted } from "../testing/history.ts";
import { rewrite } from "./rewrite.ts";

let history: TestHistory;
beforeAll(async () => {
  history = await TestHistory.open();
});
beforeEach(() => history.clear());
afterAll(() => history[Symbol.asyncDispose]());

// Each fills the same minute with a sample every 2 ms, among those of the others.
const batchSamples = 30_000;
const ingestBatch = (i: number) => {
  const grid = { startUs: BigInt(epochUs + i), periodUs: 2_000n };
  const values = new Array<number>(batchSamples).fill(i);
  return history.ingest({
    machine: "a",
    samples: [{ signal: "power", times: { case: "grid", value: grid }, values }],
  });
};

test("commits that each write the same minute again go together, and nothing gets lost", async () => {
  for (let i = 0; i < 3; i++) await ingestBatch(i);
  await history.compactAll();
  for (let i = 3; i < 9; i++) await ingestBatch(i);
  // Each of them alone is above the bound.
  const step = await history.compact({ maxRewritten: 50_000, maxAtOnce: 20_000 });
  expect(step).toMatchObject({ samples: 6 * batchSamples, more: false });
  const [stored] = await history.query<{ samples: number; most: number; least: number }>(
    `select sum(count)::int as samples, max(count)::int as most, min(count)::int as least from block b
     where not exists (select from block_end e where e.block_id = b.block_id)`,
  );
  expect(stored).toMatchObject({ samples: 9 * batchSamples });
  expect(stored!.most).toBeLessThanOrEqual(maxBlockSamples);
  // No crumbs, where pieces of 20,000 end.
  expect(stored!.least).toBeGreaterThan(2_048);
});

test("no portion is larger than the bound by more than a block and what comes new", async () => {
  for (let i = 0; i < 4; i++) await ingestBatch(i);
  await history.compactAll();
  const [series] = await history.catalog.select({ machines: [], signals: ["power"] });
  const buckets = [{ seriesId: series!.id, bucketUs: epochUs }];
  const ended = await readBuckets(history.database, buckets, { watermark: 4, abort: unaborted });
  const timesUs = Float64Array.from({ length: 100 }, (_, i) => epochUs + i * 600_000 + 7);
  const columns = [{ timesUs, values: timesUs, revisions: new Float64Array(100).fill(5) }];
  const change = { arrivals: { series: series!, bucketUs: epochUs, columns, late: false }, ended };
  const sizes: number[] = [];
  let blocks = 0;
  for await (const portion of rewrite(history.database, [change], {
    maxAtOnce: 20_000,
    abort: unaborted,
  })) {
    sizes.push(portion.ended.reduce((sum, { summary }) => sum + summary.count, 0));
    blocks += portion.blocks.reduce((sum, { summary }) => sum + summary.count, 0);
  }
  expect(sizes.length).toBeGreaterThan(4);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(20_000);
  expect(blocks).toBe(4 * batchSamples + 100);
});
