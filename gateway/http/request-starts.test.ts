// The order in which requests begin, and how many begin in a round of the event loop.
import { setImmediate as nextRound } from "node:timers/promises";
import { expect, test } from "vitest";
import { RequestStarts } from "./request-starts.ts";

function open() {
  const starts = new RequestStarts();
  const begun: string[] = [];
  const gone = new Set<object>();
  const take = (connection: { name: string }, count: number) => {
    for (let i = 0; i < count; i++)
      starts.take(connection, () => {
        if (gone.has(connection)) return false;
        begun.push(connection.name);
        return true;
      });
  };
  return { starts, begun, gone, take };
}

test("eight begin in a round, not in the first nor the one behind it, connections in turn", async () => {
  const { starts, begun, take } = open();
  take({ name: "a" }, 20);
  take({ name: "b" }, 2);
  await nextRound();
  expect(begun).toEqual([]);
  await nextRound();
  expect(begun.join("")).toBe("ababaaaa");
  await nextRound();
  expect(begun.join("")).toBe("ababaaaaaaaaaaaa");
  expect(starts.waiting).toBe(6);
  for (let i = 0; i < 3; i++) await nextRound();
  expect(begun).toHaveLength(22);
  expect(starts.waiting).toBe(0);
});

test("requests of a client that has left take no turn", async () => {
  const { starts, begun, gone, take } = open();
  const left = { name: "left" };
  take(left, 1_000);
  take({ name: "b" }, 9);
  await nextRound();
  gone.add(left);
  await nextRound();
  expect(begun.join("")).toBe("bbbbbbbb");
  await nextRound();
  expect(begun).toHaveLength(9);
  expect(starts.waiting).toBe(0);
});
