// Long work lets others run, and not more often than it must; whoever has much of it holds up those
// who have little by one turn in two.
import { setImmediate as nextRound } from "node:timers/promises";
import { expect, test } from "vitest";
import { inTurnsOf, nextTurn, Turns, takeTurnsAs } from "./turns.ts";

test("a turn ends when it has lasted long enough, and others then run", async () => {
  let nowMs = 0;
  const turns = new Turns({ maxMs: 10, monotonicMs: () => nowMs });
  let others = 0;
  let stopped = false;
  const other = () => {
    others++;
    if (!stopped) setImmediate(other);
  };
  setImmediate(other);
  for (let piece = 0; piece < 9; piece++) {
    nowMs += 1;
    await turns.pause();
  }
  expect(others).toBe(0);
  nowMs += 1;
  await turns.pause();
  expect(others).toBe(1);
  nowMs += 9;
  await turns.pause();
  expect(others).toBe(1);
  nowMs += 1;
  await turns.pause();
  expect(others).toBe(2);
  stopped = true;
});

/** Works of an owner, each of so many turns; what is noted is whose turn it was, in order. */
function work(
  owner: string,
  { works, turns, noted }: { works: number; turns: number; noted: string[] },
) {
  return Array.from({ length: works }, () =>
    inTurnsOf(undefined, async () => {
      takeTurnsAs(owner);
      for (let turn = 0; turn < turns; turn++) {
        await nextTurn();
        noted.push(owner);
      }
    }),
  );
}

test("in a round of the event loop one work has its turn, and owners take turns", async () => {
  const noted: string[] = [];
  const all = [
    ...work("many", { works: 16, turns: 100, noted }),
    ...work("one", { works: 1, turns: 20, noted }),
    ...work("two", { works: 2, turns: 10, noted }),
  ];
  for (let round = 1; round <= 30; round++) {
    await nextRound();
    expect(noted).toHaveLength(round);
  }
  expect(noted.filter((owner) => owner === "one")).toHaveLength(10);
  expect(noted.filter((owner) => owner === "two")).toHaveLength(10);
  await Promise.all(all);
  // Beside sixteen times as much, it was done after three times its own turns.
  expect(noted.lastIndexOf("one")).toBeLessThan(60);
  expect(noted).toHaveLength(16 * 100 + 20 + 20);
});

test("work that belongs to nobody counts by itself, and each long work of it too", async () => {
  const noted: string[] = [];
  const owned = work("many", { works: 10, turns: 30, noted });
  const alone = (async () => {
    const turns = new Turns({ maxMs: 0 });
    for (let turn = 0; turn < 10; turn++) {
      await turns.pause();
      noted.push("alone");
    }
  })();
  await alone;
  expect(noted.length).toBeLessThanOrEqual(21);
  await Promise.all(owned);
});
