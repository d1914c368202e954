// Decides which blocks a sum can use by their summaries, and which must be opened because other
// samples lie among theirs.

import { type Extent, joinExtents, touches } from "../history/extents.ts";
import type { Summary } from "../history/summary.ts";

/**
 * Splits blocks (in order) into those that do not touch anything that is read as samples, and the
 * rest: unusable blocks, and blocks that touch other samples, since samples at equal times must all
 * be read as samples. A usable block that touches a block of the rest is opened and may in turn
 * touch the next one, so this repeats until nothing changes.
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
