// Turns new samples of a bucket into blocks: beside the old ones where they only continue them, in their place where they lie among them.
import { decodeBlock } from "../../block/decode.ts";
import { encodeBlock } from "../../block/encode.ts";
import { maxBlockSamples } from "../history/buckets-of-time.ts";
import { decodeCommitRuns, encodeCommitRuns } from "../history/commit-runs.ts";
import { type Summary, summarize } from "../history/summary.ts";
import { mergeAll, mergeColumns, type TrackedColumn } from "../read/merge.ts";
import type { Series } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import { type BlockHeader, readPayloads } from "../store/history.ts";
import type { Arrivals } from "./gather.ts";

/** A block to insert. */
export type NewBlock = { series: Series; bucketUs: number; summary: Summary; payload: Uint8Array; commits: Uint8Array };

/** What becomes of a bucket. */
export type BucketChange = { arrivals: Arrivals; ended: BlockHeader[] };

// A block this small is taken up into what continues it, or steps every few seconds would leave a minute in crumbs.
const smallBlockSamples = 2_048;

/** Which blocks of a bucket (ascending) the new samples replace. */
export function planBucket(arrivals: Arrivals, blocks: readonly BlockHeader[]): BucketChange {
  const firstUs = Math.min(...arrivals.columns.map(({ timesUs }) => timesUs[0]!));
  const lastUs = Math.max(...arrivals.columns.map(({ timesUs }) => timesUs.at(-1)!));
  // At equal times the older sample comes first: a block that ends where the new ones begin stays, one that begins where they end does not.
  const ended = blocks.filter(({ summary }) => summary.lastUs > firstUs && summary.firstUs <= lastUs);
  if (ended.length === 0) {
    const before = blocks.findLast(({ summary }) => summary.lastUs <= firstUs);
    if (before !== undefined && before.summary.count < smallBlockSamples) ended.push(before);
  }
  return { arrivals, ended };
}

/** Blocks for some buckets, loading at once what they replace. */
export async function* rewrite(
  database: Database,
  changes: readonly BucketChange[],
): AsyncGenerator<NewBlock[], void, undefined> {
  const payloads = await readPayloads(
    database,
    changes.flatMap(({ ended }) => ended),
    { withCommits: true },
  );
  for (const { arrivals, ended } of changes) {
    const old = ended.map(({ blockId, summary }): TrackedColumn => {
      const { payload, commits } = payloads.get(blockId)!;
      return { ...decodeBlock(payload), revisions: decodeCommitRuns(commits!, summary.count) };
    });
    const fresh = mergeAll(arrivals.columns);
    yield toBlocks(arrivals, old.length === 0 ? fresh : mergeColumns(mergeAll(old), fresh));
  }
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
    const part = { timesUs: column.timesUs.subarray(start, end), values: column.values.subarray(start, end) };
    return {
      series,
      bucketUs,
      summary: summarize(part, { maxGapUs: series.maxGapUs! }),
      payload: encodeBlock(part),
      commits: encodeCommitRuns(column.revisions!.subarray(start, end)),
    };
  });
}
