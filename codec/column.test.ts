// Column arithmetic against plain arrays of samples, which are slow and obvious.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Column, concatColumns, sliceColumn } from "./column.ts";
import {
  mergeAll,
  mergeColumns,
  sliceTracked,
  type TrackedColumn,
  tiesByCommit,
} from "./column-merge.ts";
import { lowerBound, lowerBoundFrom, lowerIndex } from "./lower-bound.ts";

type Sample = { timeUs: number; value: number; revision: number };

const toTracked = (samples: readonly Sample[]): TrackedColumn => ({
  timesUs: Float64Array.from(samples, ({ timeUs }) => timeUs),
  values: Float64Array.from(samples, ({ value }) => value),
  revisions: Float64Array.from(samples, ({ revision }) => revision),
});
const toUntracked = (samples: readonly Sample[]): Column => {
  const { timesUs, values } = toTracked(samples);
  return { timesUs, values };
};
const toSamples = ({ timesUs, values, revisions }: TrackedColumn): Sample[] =>
  Array.from(timesUs, (timeUs, i) => ({
    timeUs,
    value: values[i]!,
    revision: revisions?.[i] ?? 0,
  }));
const byTime = (a: Sample, b: Sample) => a.timeUs - b.timeUs;

/** Few different times, so that many are equal; values tell samples apart. */
const samplesOf = (maxTimeUs: number) =>
  fc
    .array(fc.record({ timeUs: fc.nat(maxTimeUs), value: fc.nat(1e6), revision: fc.nat(3) }), {
      maxLength: 40,
    })
    .map((samples) => samples.sort(byTime));
const samples = fc.oneof(samplesOf(5), samplesOf(100));
const places = fc.tuple(fc.nat(45), fc.nat(45)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);

test("a lower bound is the first index whose time is not before the one asked for", () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: -2, max: 102 }), fc.nat(40), (given, timeUs, from) => {
      const { timesUs } = toUntracked(given);
      const start = Math.min(from, timesUs.length);
      const first = (at: number) => {
        const found = given.findIndex((one, i) => i >= at && one.timeUs >= timeUs);
        return found < 0 ? given.length : found;
      };
      expect(lowerBound(timesUs, timeUs)).toBe(first(0));
      expect(lowerBoundFrom(timesUs, timeUs, start)).toBe(first(start));
      expect(lowerIndex(given.length, (i) => given[i]!.timeUs < timeUs)).toBe(first(0));
    }),
  );
});

test("a slice is what an array's slice is, and shares the memory", () => {
  fc.assert(
    fc.property(samples, places, (given, [start, end]) => {
      const column = toTracked(given);
      expect(toSamples(sliceTracked(column, start!, end!))).toEqual(given.slice(start, end));
      const part = sliceColumn(column, start!, end!);
      expect([...part.values]).toEqual(given.slice(start, end).map(({ value }) => value));
      expect(part.timesUs.buffer).toBe(column.timesUs.buffer);
    }),
  );
});

test("columns one behind the other are all their samples, in memory of their own", () => {
  fc.assert(
    fc.property(fc.array(samples, { maxLength: 6 }), (given) => {
      const whole = concatColumns(given.map(toUntracked));
      expect(whole).toEqual(toUntracked(given.flat()));
    }),
  );
});

test("merged, samples go by time and then in the order of their columns", () => {
  fc.assert(
    fc.property(fc.array(samples, { minLength: 1, maxLength: 8 }), (given) => {
      // A sort that is stable.
      const expected = given.flat().sort(byTime);
      expect(toSamples(mergeAll(given.map(toTracked)))).toEqual(expected);
      const [first = [], second = []] = given;
      const pair = mergeColumns(toTracked(first), toTracked(second));
      expect(toSamples(pair)).toEqual([...first, ...second].sort(byTime));
    }),
  );
});

test("merged, commits are known only if every column knows them", () => {
  fc.assert(
    fc.property(samples, samples, (a, b) => {
      const { revisions } = mergeColumns(toTracked(a), toUntracked(b));
      expect(revisions).toBeUndefined();
      expect(mergeAll([toUntracked(a), toUntracked(b)]).revisions).toBeUndefined();
    }),
  );
});

test("neighbours in the same arrays become one view of them", () => {
  fc.assert(
    fc.property(samples, places, (given, [a, b]) => {
      const column = toUntracked(given);
      const parts = [
        sliceColumn(column, 0, a!),
        sliceColumn(column, a!, b!),
        sliceColumn(column, b!, given.length),
      ].filter(({ timesUs }) => timesUs.length > 0);
      fc.pre(parts.length > 1);
      const merged = mergeAll(parts);
      expect(toSamples(merged)).toEqual(toSamples(column));
      expect(merged.timesUs.buffer).toBe(column.timesUs.buffer);
    }),
  );
});

test("ties by commit: by time, then by revision, then as they were", () => {
  fc.assert(
    fc.property(samples, (given) => {
      const expected = given.toSorted((a, b) => byTime(a, b) || a.revision - b.revision);
      expect(toSamples(tiesByCommit(toTracked(given)))).toEqual(expected);
    }),
  );
});

test("nothing merged is an empty column", () => {
  expect(toSamples(mergeAll([]))).toEqual([]);
});
