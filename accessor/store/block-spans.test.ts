// Which partitions to make: for buckets in any order, each lies in one partition, none overlaps
// another, and their number is bounded.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  groupSpans,
  nameOf,
  planSpan,
  type Span,
  spanAt,
  spanOf,
  weekUs,
  wideBeforeUs,
  wideUs,
} from "./block-spans.ts";

const nowUs = Date.UTC(2026, 10, 28) * 1000;
const byTime = (spans: readonly Span[]) => spans.toSorted((a, b) => a.fromUs - b.fromUs);
const anyBucket = fc.integer({ min: 0, max: nowUs / 60e6 }).map((minutes) => minutes * 60e6);
const anyWeek = fc
  .integer({ min: 0, max: Math.floor(nowUs / weekUs) })
  .map((week) => week * weekUs);

test("each bucket has its place, apart from those that are there already", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyWeek, { maxLength: 40 }),
      fc.array(anyBucket),
      (weeks, buckets) => {
        let spans = byTime(weeks.map((fromUs) => ({ fromUs, toUs: fromUs + weekUs })));
        for (const bucketUs of buckets) {
          if (spanAt(spans, bucketUs) !== undefined) continue;
          const span = planSpan(bucketUs, spans, nowUs);
          expect(span.fromUs % weekUs).toBe(0);
          expect(span.toUs % weekUs).toBe(0);
          spans = byTime([...spans, span]);
          expect(spanAt(spans, bucketUs)).toEqual(span);
          expect(spanOf(nameOf(span))).toEqual(span);
        }
        for (const [i, span] of spans.entries())
          if (i > 0) expect(span.fromUs).toBeGreaterThanOrEqual(spans[i - 1]!.toUs);
        expect(new Set(spans.map(nameOf)).size).toBe(spans.length);
      },
    ),
  );
});

test("a record of each week back to 1970 makes a partition for each 52 weeks, and one for each of the last 105 at most", () => {
  let spans: Span[] = [];
  for (let bucketUs = 0; bucketUs < nowUs; bucketUs += weekUs)
    if (spanAt(spans, bucketUs) === undefined)
      spans = byTime([...spans, planSpan(bucketUs, spans, nowUs)]);
  const wide = spans.filter(({ fromUs, toUs }) => toUs - fromUs === wideUs);
  expect(wide.length).toBe(wideBeforeUs(nowUs) / wideUs);
  expect(spans.length - wide.length).toBeLessThanOrEqual(106);
  expect(spans.length).toBeLessThan(165);
});

test("groups reach over so many spans each, cut to the range, and leave gaps out", () => {
  const spans = [0, 1, 2, 10, 11].map((week) => ({
    fromUs: week * weekUs,
    toUs: (week + 1) * weekUs,
  }));
  expect(groupSpans(spans, { fromUs: weekUs + 5, toUs: 10 * weekUs + 7 }, 2)).toEqual([
    { fromUs: weekUs + 5, toUs: 3 * weekUs },
    { fromUs: 10 * weekUs, toUs: 10 * weekUs + 7 },
  ]);
  expect(groupSpans(spans, { fromUs: 4 * weekUs, toUs: 9 * weekUs }, 2)).toEqual([]);
});
