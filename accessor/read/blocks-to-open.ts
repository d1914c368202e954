// Which blocks a sum can take by their summaries, and which must be opened because something lies
// among their samples.

import { type Extent, joinExtents, touches } from "../history/extents.ts";
import type { Summary } from "../history/summary.ts";

/**
 * Blocks (in order) that stand apart from everything that is read as samples, and those that do
 * not: others, what is not usable, and what touches these, for samples at one time must all be
 * samples. A usable one that touches them is opened and may touch the next one, until nothing
 * changes.
 */
export function blocksToOpen<Block extends { readonly summary: Summary }>(
  blocks: readonly Block[],
  { usable, others }: { usable: (block: Block) => boolean; others: readonly Extent[] },
): { whole: Block[]; opened: Block[] } {
  const open = new Set(blocks.filter((block) => !usable(block)));
  for (let before = -1; before < open.size; ) {
    before = open.size;
    const extents = [...others, ...[...open].map(({ summary }) => summary)];
    const joined = joinExtents(extents.sort((a, b) => a.firstUs - b.firstUs));
    for (const block of blocks) if (touches(joined, block.summary)) open.add(block);
  }
  return {
    whole: blocks.filter((block) => !open.has(block)),
    opened: blocks.filter((block) => open.has(block)),
  };
}
