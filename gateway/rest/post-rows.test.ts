// Rows in turns are the rows at once, and others have a turn in between.
import fc from "fast-check";
import { expect, test } from "vitest";
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
      const [once, turns] = [toRowBatches(rows, { nowUs: 0n }), await toRowBatchesInTurns(rows, { nowUs: 0n })];
      expect(turns.unreadable).toEqual(once.unreadable);
      expect(turns.batches.map(({ rows: of }) => of)).toEqual(once.batches.map(({ rows: of }) => of));
    }),
    { numRuns: 5 },
  );
});

test("a hundred thousand rows let others have nine turns", async () => {
  let turns = 0;
  let over = false;
  const count = () => {
    turns++;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await toRowBatchesInTurns(new Array(100_000).fill(0), { nowUs: 0n });
  over = true;
  expect(turns).toBeGreaterThanOrEqual(9);
});
