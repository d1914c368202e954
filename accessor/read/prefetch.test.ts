// Fetching ahead: it gives the same items and failures as the source, fetches one at a time, and
// always closes the source.
import { expect, test } from "vitest";
import { prefetch } from "./prefetch.ts";

/** Yields numbers and records the requests. */
function source(items: readonly number[], fails?: Error) {
  const seen = { fetched: 0, atOnce: 0, mostAtOnce: 0, closed: false };
  const iterator: AsyncIterator<number, void, undefined> = {
    async next() {
      seen.mostAtOnce = Math.max(seen.mostAtOnce, ++seen.atOnce);
      await new Promise(setImmediate);
      seen.atOnce--;
      const at = seen.fetched++;
      if (at < items.length) return { done: false, value: items[at]! };
      if (fails) throw fails;
      return { done: true, value: undefined };
    },
    async return() {
      seen.closed = true;
      return { done: true, value: undefined };
    },
  };
  return { iterator, seen };
}

test("brings the same items, the next one fetched while the present one is at work", async () => {
  const { iterator, seen } = source([1, 2, 3]);
  const got: number[] = [];
  for await (const item of prefetch(iterator)) {
    got.push(item);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    expect(seen.fetched).toBe(got.length + 1);
  }
  expect(got).toEqual([1, 2, 3]);
  expect(seen).toMatchObject({ mostAtOnce: 1, closed: true });
});

test("fails where the source fails, after what came before", async () => {
  const broken = new Error("broken");
  const { iterator, seen } = source([1, 2], broken);
  const got: number[] = [];
  const reading = (async () => {
    for await (const item of prefetch(iterator)) got.push(item);
  })();
  await expect(reading).rejects.toBe(broken);
  expect(got).toEqual([1, 2]);
  expect(seen.closed).toBe(true);
});

test("left early, it waits for its fetch and closes the source", async () => {
  const { iterator, seen } = source([1, 2, 3], new Error("nobody hears of it"));
  for await (const item of prefetch(iterator)) if (item === 1) break;
  expect(seen).toMatchObject({ fetched: 2, atOnce: 0, closed: true });
});
