// A range cut into stretches: hours with roll-ups, and gaps between them, limited by the number of
// blocks to look up at once.
import { floorTo, hourUs } from "../history/buckets-of-time.ts";
import type { Summary } from "../history/summary.ts";

type Range = { fromUs: number; toUs: number };
type Hour = { hourUs: number; summary: Summary };

/**
 * gaps: whole hours, even if the range begins or ends within one. Stretches touch at whole hours.
 */
export type Stretch = Range & { hours: Hour[]; gaps: Range[] };

/** At 100 Hz: 20,000 blocks. */
export const weekOfGapsUs = 168 * hourUs;

/**
 * hours: ascending. nextRoomUs: how much of gaps the next stretch may have, called when it begins.
 * No block belongs to two stretches, since none crosses an hour.
 */
export function* stretchesOf(
  hours: readonly Hour[],
  { fromUs, toUs }: Range,
  nextRoomUs: () => number = () => weekOfGapsUs,
): Generator<Stretch, void, undefined> {
  const begin = floorTo(fromUs, hourUs);
  let stretch: Stretch = { fromUs, toUs, hours: [], gaps: [] };
  let roomUs = nextRoomUs();
  let doneUs = begin;
  for (const hour of [...hours, undefined]) {
    const endUs = hour?.hourUs ?? toUs;
    while (doneUs < endUs) {
      const gap = { fromUs: doneUs, toUs: Math.min(endUs, doneUs + roomUs) };
      stretch.gaps.push(gap);
      roomUs -= gap.toUs - gap.fromUs;
      doneUs = gap.toUs;
      if (roomUs > 0 || doneUs >= toUs) continue;
      yield { ...stretch, toUs: doneUs };
      stretch = { fromUs: doneUs, toUs, hours: [], gaps: [] };
      roomUs = nextRoomUs();
    }
    if (hour === undefined) break;
    stretch.hours.push(hour);
    doneUs = hour.hourUs + hourUs;
  }
  yield stretch;
}
