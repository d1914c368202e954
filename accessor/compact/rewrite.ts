// Turns new samples of a bucket into blocks: they are added after the old blocks that they
// continue, and replace the old blocks that they overlap.

import { setImmediate as nextTurn } from "node:timers/promises";
import { decodeBlock } from "../../codec/block/decode.ts";
import { encodeBlock } from "../../codec/block/encode.ts";
import { sliceColumn } from "../../codec/column.ts";
import {
  mergeAll,
  mergeColumns,
  sliceTracked,
  type TrackedColumn,
  tiesByCommit,
} from "../../codec/column-merge.ts";
import { lowerBound } from "../../codec/lower-bound.ts";
import { maxBlockSamples } from "../history/buckets-of-time.ts";
import { decodeCommitRuns, encodeCommitRuns } from "../history/commit-runs.ts";
import { betweenOf } from "../history/line-area.ts";
import { summarize } from "../history/summary.ts";
import type { Database } from "../store/database.ts";
import { type BlockHeader, readPayloads } from "../store/history.ts";
import type { NewBlock, Rewritten } from "../store/step-rows.ts";
import type { Arrivals } from "./gather.ts";

/** The planned change of a bucket. */
export type BucketChange = { arrivals: Arrivals; ended: BlockHeader[] };

// A block this small is merged into the one that continues it; otherwise steps every few seconds
// would leave a minute in many tiny blocks.
const smallBlockSamples = 2_048;

/** Which blocks of a bucket (ascending) the new samples replace. */
export function planBucket(arrivals: Arrivals, blocks: readonly BlockHeader[]): BucketChange {
  const firstUs = arrivals.columns.reduce(
    (least, { timesUs }) => Math.min(least, timesUs[0]!),
    Number.POSITIVE_INFINITY,
  );
  const lastUs = arrivals.columns.reduce(
    (most, { timesUs }) => Math.max(most, timesUs.at(-1)!),
    Number.NEGATIVE_INFINITY,
  );
  // At equal times the older sample comes first: a block that ends where the new ones begin stays,
  // one that begins where they end does not.
  const ended = blocks.filter(
    ({ summary }) =>
      (arrivals.late ? summary.lastUs >= firstUs : summary.lastUs > firstUs) &&
      summary.firstUs <= lastUs,
  );
  if (ended.length > 0) return { arrivals, ended };
  const neighbours = [
    blocks.findLast(({ summary }) => summary.lastUs <= firstUs),
    blocks.find(({ summary }) => summary.firstUs > lastUs),
  ];
  const small = neighbours.find(
    (block) => block !== undefined && block.summary.count < smallBlockSamples,
  );
  return { arrivals, ended: small === undefined ? [] : [small] };
}

const bucketsAtOnce = 256;

export type RewriteOptions = {
  /** About how many samples of old blocks to keep in memory at once. */
  maxAtOnce: number;
  abort: AbortSignal;
};

/** Yields the new blocks in portions, each of which loads the blocks that it replaces. */
export async function* rewrite(
  database: Database,
  changes: readonly BucketChange[],
  { maxAtOnce, abort }: RewriteOptions,
): AsyncGenerator<Rewritten, void, undefined> {
  for (let start = 0; start < changes.length; ) {
    let end = start;
    let samples = 0;
    for (; end < changes.length && end - start < bucketsAtOnce; end++) {
      const more = samplesOf(changes[end]!);
      if (samples + more > maxAtOnce && end > start) break;
      samples += more;
    }
    if (samples > maxAtOnce)
      yield* rewriteInPieces(database, changes[start]!, { maxAtOnce, abort });
    else yield await rewritePortion(database, changes.slice(start, end), abort);
    start = end;
  }
}

function samplesOf({ arrivals, ended }: BucketChange): number {
  let samples = 0;
  for (const { summary } of ended) samples += summary.count;
  for (const { timesUs } of arrivals.columns) samples += timesUs.length;
  return samples;
}

/**
 * Rewrites a bucket that is too large to be in memory as a whole: some of its old blocks at a time,
 * with the new samples before the next blocks. At equal times the old samples come first; if
 * commits decide the order, blocks that meet at one time are taken together.
 */
async function* rewriteInPieces(
  database: Database,
  { arrivals, ended }: BucketChange,
  { maxAtOnce, abort }: RewriteOptions,
): AsyncGenerator<Rewritten, void, undefined> {
  const fresh = mergeAll(arrivals.columns);
  let taken = 0;
  for (let start = 0; start < ended.length; ) {
    let end = start;
    for (let samples = 0; end < ended.length; end++) {
      const { summary } = ended[end]!;
      const meets = arrivals.late && ended[end - 1]?.summary.lastUs === summary.firstUs;
      if (samples + summary.count > maxAtOnce && end > start && !meets) break;
      samples += summary.count;
    }
    const next = ended[end]?.summary.firstUs;
    const until = next === undefined ? fresh.timesUs.length : lowerBound(fresh.timesUs, next);
    const columns = [sliceTracked(fresh, taken, until)];
    yield await rewritePortion(
      database,
      [{ arrivals: { ...arrivals, columns }, ended: ended.slice(start, end) }],
      abort,
    );
    taken = until;
    start = end;
  }
  // A bucket without old blocks.
  if (taken < fresh.timesUs.length)
    yield {
      blocks: toBlocks(arrivals, sliceTracked(fresh, taken, fresh.timesUs.length)),
      ended: [],
    };
}

async function rewritePortion(
  database: Database,
  changes: readonly BucketChange[],
  abort: AbortSignal,
): Promise<Rewritten> {
  const ended = changes.flatMap((change) => change.ended);
  const payloads =
    ended.length === 0
      ? new Map()
      : await readPayloads(database, ended, { withCommits: true, abort });
  const blocks: NewBlock[] = [];
  for (const change of changes) {
    const old = change.ended.map(({ blockId, summary }): TrackedColumn => {
      const { payload, commits } = payloads.get(blockId)!;
      return { ...decodeBlock(payload), revisions: decodeCommitRuns(commits!, summary.count) };
    });
    const fresh = mergeAll(change.arrivals.columns);
    const merged = old.length === 0 ? fresh : mergeColumns(mergeAll(old), fresh);
    const column = change.arrivals.late ? tiesByCommit(merged) : merged;
    for (const block of toBlocks(change.arrivals, column)) blocks.push(block);
    // Encoding a minute takes 0.1 ms: other work gets its turn in between.
    await nextTurn();
    abort.throwIfAborted();
  }
  return { blocks, ended };
}

/** Equal parts of at most maxBlockSamples. */
export function toBlocks(
  { series, bucketUs }: Pick<Arrivals, "series" | "bucketUs">,
  column: TrackedColumn,
): NewBlock[] {
  const { length } = column.timesUs;
  const parts = Math.ceil(length / maxBlockSamples);
  return Array.from({ length: parts }, (_, i) => {
    const start = Math.floor((i * length) / parts);
    const end = Math.floor(((i + 1) * length) / parts);
    const part = sliceColumn(column, start, end);
    return {
      series,
      bucketUs,
      summary: summarize(part, betweenOf(series)),
      payload: encodeBlock(part),
      commits: encodeCommitRuns(column.revisions!.subarray(start, end)),
    };
  });
}
