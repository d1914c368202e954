// Spans of time that contain something: joins them, and checks whether another span touches any. No
// I/O.
import { lowerIndex } from "../../codec/lower-bound.ts";

/** A closed span of time. */
export type Extent = { firstUs: number; lastUs: number };

/** extents: ascending by firstUs. */
export function joinExtents(extents: readonly Extent[]): Extent[] {
  const joined: Extent[] = [];
  for (const { firstUs, lastUs } of extents) {
    const last = joined.at(-1);
    if (last !== undefined && firstUs <= last.lastUs) last.lastUs = Math.max(last.lastUs, lastUs);
    else joined.push({ firstUs, lastUs });
  }
  return joined;
}

/** Whether a span touches any of some joined extents. */
export function touches(extents: readonly Extent[], { firstUs, lastUs }: Extent): boolean {
  const first = lowerIndex(extents.length, (i) => extents[i]!.lastUs < firstUs);
  return first < extents.length && extents[first]!.firstUs <= lastUs;
}
