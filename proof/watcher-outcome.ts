// The outcome of the watching process, small enough to hand over at its end, and the same sum over
// the stored records.
import { createHash } from "node:crypto";
import { keyOf, revisionOf } from "./chaos/content.ts";
import type { Stored } from "./chaos/stored.ts";

export type WatcherOutcome = {
  after: string;
  cursor: string;
  batches: number;
  /** addKey over every batch in order. */
  sum: number;
  reconnects: number;
  /** FeedBreakErrors: the server skipped or repeated something, and the client noticed. */
  breaks: number;
};

/** A sum over keys and their places: equal for equal sequences, and hardly ever for others. */
export function addKey(sum: number, { key, place }: { key: string; place: number }): number {
  return (sum + createHash("sha1").update(`${place} ${key}`).digest().readUIntBE(0, 5)) % 2 ** 40;
}

/** Violations, in words; empty if there are none. */
export function judgeWatcher(
  { after, cursor, batches, sum, breaks }: WatcherOutcome,
  { commits, head }: Stored,
): string[] {
  let place = 0;
  let expected = 0;
  for (const { revision, content } of commits.values())
    if (revision > revisionOf(after) && revision <= revisionOf(cursor))
      expected = addKey(expected, { key: keyOf(content), place: ++place });
  const wrong: string[] = [];
  if (revisionOf(cursor) < head)
    wrong.push(`the watching process ended at ${revisionOf(cursor)} of ${head}`);
  if (batches !== place) wrong.push(`the watching process saw ${batches} batches of ${place}`);
  else if (sum !== expected)
    wrong.push("the watching process saw other batches than are stored, or in another order");
  if (breaks > 0) wrong.push(`the feed of the watching process broke ${breaks} times`);
  return wrong;
}
