// Whoever waits is served, whoever holds least first; nothing is granted beyond the bound, and
// everything is given back.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue } from "./fair-queue.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

type Grant = { caller: string; amount: number; order: number };

/** A queue and what it has granted so far. */
function watch(max: number) {
  const queue = new FairQueue({ max });
  const held: Grant[] = [];
  const granted: Grant[] = [];
  let asked = 0;
  return {
    queue,
    held,
    granted,
    ask(caller: string, amount: number, abort?: AbortSignal) {
      const grant = { caller, amount, order: asked++ };
      queue.acquire(caller, amount, abort).then(
        () => {
          granted.push(grant);
          held.push(grant);
        },
        () => {},
      );
    },
    release(at = 0) {
      const [grant] = held.splice(at, 1);
      if (grant) queue.release(grant.caller, grant.amount);
    },
  };
}

test("within the bound, in order within a caller, and everything is granted and given back in the end", async () => {
  const step = fc.record({
    caller: fc.constantFrom("a", "b", "c"),
    amount: fc.integer({ min: 1, max: 150 }),
    next: fc.constantFrom("hold", "release", "abort"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { queue, held, granted, ask, release } = watch(100);
      for (const { caller, amount, next } of steps) {
        const controller = new AbortController();
        ask(caller, amount, controller.signal);
        await turn();
        if (next === "release") release();
        if (next === "abort") controller.abort(new Error("left"));
        await turn();
        expect(queue.used).toBe(held.reduce((sum, grant) => sum + grant.amount, 0));
        expect(queue.used <= 100 || held.length === 1).toBe(true);
        for (const who of ["a", "b", "c"]) {
          const orders = granted.filter((grant) => grant.caller === who).map(({ order }) => order);
          expect(orders).toEqual(orders.toSorted((a, b) => a - b));
        }
      }
      for (; held.length > 0; await turn()) release();
      expect([queue.used, queue.waiting]).toEqual([0, 0]);
    }),
    { numRuns: 200 },
  );
});

test("one caller takes most, never all; another is granted at once, and first when there is room", async () => {
  const { queue, held, granted, ask, release } = watch(80);
  for (let i = 0; i < 20; i++) ask("greedy", 10);
  await turn();
  expect(queue.heldBy("greedy")).toBe(70);
  ask("other", 10);
  ask("other", 10);
  await turn();
  expect(granted.filter(({ caller }) => caller === "other")).toHaveLength(1);
  release(held.findIndex(({ caller }) => caller === "greedy"));
  await turn();
  expect([queue.heldBy("greedy"), queue.heldBy("other")]).toEqual([60, 20]);
});

test("a large demand does not hold up small ones, nor do they starve it", async () => {
  const { queue, granted, ask, release } = watch(100);
  ask("holder", 50);
  await turn();
  ask("large", 90);
  for (let i = 0; i < 40; i++) ask(`small ${i}`, 10);
  for (let i = 0; i < 60 && !granted.some(({ caller }) => caller === "large"); i++) {
    await turn();
    release();
  }
  const order = granted.map(({ caller }) => caller);
  // Small ones went by at first; it came before the last of them.
  expect(order.indexOf("large")).toBeGreaterThan(1);
  expect(order.indexOf("large")).toBeLessThan(40);
  expect(queue.waiting).toBeGreaterThan(0);
});

test("who waits for what it holds itself holds up nobody, however often others went by", async () => {
  const { queue, held, granted, ask, release } = watch(8);
  for (let i = 0; i < 10; i++) ask("greedy", 1);
  await turn();
  expect(queue.heldBy("greedy")).toBe(7);
  for (let i = 0; i < 20; i++) {
    ask(`other ${i}`, 1);
    ask(`next ${i}`, 1);
    await turn();
    expect(granted.at(-1)!.caller).toBe(`other ${i}`);
    release(held.length - 1);
    await turn();
    expect(granted.at(-1)!.caller).toBe(`next ${i}`);
    release(held.length - 1);
    await turn();
  }
});
