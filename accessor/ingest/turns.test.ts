// Batches are taken in order within a producer, and in fair turns among callers and their
// producers.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Turns } from "./turns.ts";

type Batch = { holder: string; producerId: number; bytes: number };

/** In which order batches are taken that have all come before the first is taken. */
function order(batches: readonly Batch[]): Batch[] {
  const turns = new Turns();
  const queue = batches.map((batch) => ({ batch, turn: turns.next(batch) }));
  queue.sort((a, b) => a.turn.turn - b.turn.turn);
  for (const { batch, turn } of queue) turns.taken({ ...turn, producerId: batch.producerId });
  expect(turns.callers).toBe(0);
  return queue.map(({ batch }) => batch);
}

test("in order within a producer, whatever the others send", () => {
  const batch = fc.record({
    holder: fc.constantFrom("a", "b"),
    producerId: fc.constantFrom(1, 2, 3),
    bytes: fc.integer({ min: 200, max: 1e6 }),
  });
  fc.assert(
    fc.property(fc.array(batch), (batches) => {
      const taken = order(batches);
      for (const holder of ["a", "b"])
        for (const producerId of [1, 2, 3]) {
          const of = (list: readonly Batch[]) =>
            list.filter((one) => one.holder === holder && one.producerId === producerId);
          expect(of(taken)).toEqual(of(batches));
        }
    }),
  );
});

test("one batch does not wait behind all that another caller, or another of its producers, has in flight", () => {
  const many = (holder: string, producerId: number) =>
    Array.from({ length: 100 }, () => ({ holder, producerId, bytes: 1_000 }));
  const one = { holder: "small", producerId: 9, bytes: 1_000 };
  expect(order([...many("greedy", 1), one]).indexOf(one)).toBeLessThanOrEqual(1);
  const sibling = { holder: "greedy", producerId: 2, bytes: 1_000 };
  expect(order([...many("greedy", 1), sibling]).indexOf(sibling)).toBeLessThanOrEqual(2);
  // Ten producers of one caller have no more than one of another.
  const flood = Array.from({ length: 10 }, (_, i) => many("greedy", i)).flat();
  const steady = many("steady", 99);
  const first = order([...flood, ...steady]).slice(0, 100);
  expect(first.filter(({ holder }) => holder === "steady").length).toBeGreaterThan(20);
});
