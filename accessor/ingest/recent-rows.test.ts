// What is remembered of commits: never more than is known to be complete.
import { expect, test } from "vitest";
import type { Series } from "../store/series.ts";
import { RecentRows } from "./recent-rows.ts";

const series = { id: 7 } as Series;
const row = (firstUs: number, lastUs = firstUs, bytes = 10) => ({
  series,
  firstUs,
  lastUs,
  payload: new Uint8Array(bytes),
});
const commit = (revision: number, ...rows: ReturnType<typeof row>[]) => ({ revision, rows });
const span = { firstUs: 0, lastUs: 100 };

test("commits one after the other are all known; one of another process makes it forget them", () => {
  const recent = new RecentRows();
  recent.restart(10);
  recent.add([commit(11, row(1)), commit(12), commit(13, row(2))]);
  expect(recent.through).toBe(13);
  const since = (after: number) => recent.since(7, { after, ...span })?.map((one) => one.revision);
  expect([since(9), since(10), since(11), since(13)]).toEqual([undefined, [11, 13], [13], []]);
  recent.add([commit(15, row(3))]);
  expect([recent.through, since(13), since(14)]).toEqual([15, undefined, [15]]);
});

test("a first commit says nothing of those before it", () => {
  const recent = new RecentRows();
  recent.add([commit(100, row(1))]);
  expect(recent.since(7, { after: 95, ...span })).toBeUndefined();
  expect(recent.since(7, { after: 99, ...span })).toHaveLength(1);
  // What was looked up before it is not the end of the series.
  expect(recent.noteEnd(7, { fromUs: 5, revision: 98 })).toBe(false);
  expect(recent.knownFrom(7)).toBeUndefined();
  expect(recent.noteEnd(7, { fromUs: 5, revision: 100 })).toBe(true);
  expect(recent.knownFrom(7)).toBe(5);
});

test("the oldest rows are dropped, and what they had is not known any more", () => {
  const recent = new RecentRows({ maxBytes: 1_000 });
  recent.restart(0);
  recent.noteEnd(7, { fromUs: 0, revision: 0 });
  for (let i = 1; i <= 5; i++) recent.add([commit(i, row(i, i + 3, 50))]);
  const kept = recent.overlapping(7, span).map(({ revision }) => revision);
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThan(5);
  // Rows of different commits may overlap: times up to the end of a dropped one are not complete.
  const dropped = kept[0]! - 1;
  expect(recent.knownFrom(7)).toBe(dropped + 3 + 1);
  expect(recent.since(7, { after: dropped - 1, ...span })).toBeUndefined();
  expect(recent.since(7, { after: dropped, ...span })).toHaveLength(kept.length);
});
