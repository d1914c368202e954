// In which order, and how soon, connections are read again that were stopped.
import { expect, test } from "vitest";
import { ReadingQueue } from "./reading-queue.ts";

function open() {
  const log: string[] = [];
  const later: { run: () => void; delayMs: number }[] = [];
  const queue = new ReadingQueue({ after: (run, delayMs) => later.push({ run, delayMs }) });
  const over = new Set<string>();
  return {
    queue,
    log,
    over,
    add: (name: string, owner: string, pieces = 1_000) =>
      queue.add({ owner, pieces, isOver: () => over.has(name), start: () => void log.push(name) }),
    /** Lets the pause that has begun pass; answers how long it was. */
    pass() {
      const [pause] = later.splice(0, 1);
      pause!.run();
      return pause!.delayMs;
    },
    pauses: later,
  };
}

test("the first is read at once, each next one when others have had three times as long as it took", () => {
  const { add, log, pass, pauses } = open();
  add("one", "a", 1_000);
  add("two", "a", 3_000);
  add("three", "a");
  expect(log).toEqual(["one"]);
  expect(pass()).toBe(15);
  expect(log).toEqual(["one", "two"]);
  expect(pass()).toBe(45);
  pass();
  expect(log).toEqual(["one", "two", "three"]);
  expect(pauses).toEqual([]);
  add("four", "a");
  expect(log.at(-1)).toBe("four");
});

test("owners take turns, however many connections each has", () => {
  const { add, log, pass } = open();
  for (const name of ["a1", "a2", "a3"]) add(name, "a");
  for (const name of ["b1", "b2"]) add(name, "b");
  for (let i = 0; i < 4; i++) pass();
  expect(log).toEqual(["a1", "a2", "b1", "a3", "b2"]);
});

test("nobody waits for a connection that is closed", () => {
  const { add, log, over, pass, queue } = open();
  for (const name of ["one", "two", "three", "four"]) add(name, "a");
  over.add("two").add("three");
  pass();
  expect(log).toEqual(["one", "four"]);
  expect(queue.size).toBe(0);
});
