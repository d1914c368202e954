// What the clocks of a time zone show over the years, as stretches with one offset from UTC each.
import { dayMs } from "../../codec/local-clock.ts";
import { Turns } from "../../runtime/turns.ts";
import { createLocalClock } from "./local-clock.ts";

/** Half-open; together they cover the whole range of times in microseconds. */
export type ZoneStretch = { fromUs: number; toUs: number; offsetUs: number };

/**
 * Years whose changes are computed; before and after, clocks keep the offset of the first and last
 * year.
 */
export const zoneYears = { first: 1970, last: 2099 };

// No zone has changed its clocks twice within five days and returned to the earlier offset.
const stepMs = 4 * dayMs;
const probesInARow = 256;

/** Throws BucketEdgesError (`unknown_time_zone`). */
export async function zoneStretches(timeZone: string): Promise<ZoneStretch[]> {
  const { localAt } = createLocalClock(timeZone);
  const offsetAt = (instantMs: number) => localAt(instantMs) - instantMs;
  const turns = new Turns();
  let atMs = Date.UTC(zoneYears.first, 0, 1);
  const endMs = Date.UTC(zoneYears.last + 1, 0, 1);
  const changes = [{ fromUs: Number.MIN_SAFE_INTEGER, offsetUs: offsetAt(atMs) * 1000 }];
  for (let probes = 0; atMs < endMs; probes++) {
    if (probes % probesInARow === 0) await turns.pause();
    const nextMs = Math.min(atMs + stepMs, endMs);
    const offset = offsetAt(nextMs);
    if (offset * 1000 !== changes.at(-1)!.offsetUs) {
      const fromMs = firstInstantWith(offset, { afterMs: atMs, byMs: nextMs, offsetAt });
      changes.push({ fromUs: fromMs * 1000, offsetUs: offset * 1000 });
    }
    atMs = nextMs;
  }
  return changes.map((change, i) => ({
    ...change,
    toUs: changes[i + 1]?.fromUs ?? Number.MAX_SAFE_INTEGER,
  }));
}

function firstInstantWith(
  offset: number,
  {
    afterMs,
    byMs,
    offsetAt,
  }: { afterMs: number; byMs: number; offsetAt: (instantMs: number) => number },
): number {
  let [low, high] = [afterMs, byMs];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === offset) high = middle;
    else low = middle;
  }
  return high;
}
