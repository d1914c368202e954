// Rows and lines read in turns equal those read at once, and other work has a turn in between.
import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readChunks } from "./line-chunks.ts";
import { toRowBatches, toRowBatchesInTurns } from "./post-rows.ts";

const row = fc.oneof(
  fc.record({
    machine: fc.constantFrom("a", "b"),
    signal: fc.constantFrom("power", "state"),
    time: fc.nat(),
    value: fc.double(),
  }),
  fc.constantFrom(null, 0, {}, "x", []),
);

test("the same batches and unreadable rows", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1 }), async (few) => {
      const rows = Array.from({ length: 25_000 }, (_, i) => few[i % few.length]);
      const [once, turns] = [
        toRowBatches(rows, { nowUs: 0n }),
        await toRowBatchesInTurns(rows, { nowUs: 0n }),
      ];
      expect(turns.unreadable).toEqual(once.unreadable);
      expect(turns.batches.map(({ rows: of }) => of)).toEqual(
        once.batches.map(({ rows: of }) => of),
      );
    }),
    { numRuns: 5 },
  );
});

/** How many turns other work has while it runs. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let over = false;
  const count = () => {
    turns++;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await work();
  over = true;
  return turns;
}

test("a hundred thousand rows let others have forty-nine turns", async () => {
  const rows = new Array(100_000).fill(0);
  expect(await turnsDuring(() => toRowBatchesInTurns(rows, { nowUs: 0n }))).toBeGreaterThanOrEqual(
    49,
  );
});

test("a hundred thousand lines that came at once let others have two hundred turns, whatever they hold", async () => {
  for (const line of ["{}\n", "{\n", "\n"]) {
    const body = Readable.from([Buffer.from(line.repeat(100_000))]);
    const read = async () => {
      let rows = 0;
      for await (const chunk of readChunks(body, { kind: "ndjson" })) rows += chunk.rows.length;
      expect(rows).toBe(line === "\n" ? 0 : 100_000);
    };
    expect(await turnsDuring(read)).toBeGreaterThanOrEqual(199);
  }
});

test("what is remembered of rows that are none does not grow with them", async () => {
  const rows = [...new Array(5_000).fill(0), {}, ...new Array(5_000).fill(null)];
  const { unreadable } = await toRowBatchesInTurns(rows, { nowUs: 0n });
  expect(unreadable.map(({ row: first, count }) => [first, count])).toEqual([
    [0, 5_000] as const,
    [5_000, 1] as const,
    [5_001, 5_000] as const,
  ]);
});
