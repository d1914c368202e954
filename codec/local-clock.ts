// The clocks of a time zone, using only Intl (Node 24 has no Temporal): what they show at an
// instant, and when they show a time.

export const dayMs = 86_400_000;

/** Offsets to keep: those of ten years of days. */
const maxKnown = 8_000;

/**
 * Local times are given as the instant at which a clock of UTC shows the same, in milliseconds.
 * Whole seconds only.
 */
export type LocalClock = {
  /** What the clocks show. */
  localAt(instantMs: number): number;
  /**
   * The first instant at which they show this time or a later one: for a time that occurs twice,
   * the first; for one that is skipped (an hour, a date), when the clocks jump over it.
   */
  firstInstantOf(localMs: number): number;
  /**
   * Every instant at which they show this time, ascending: none for a time that is skipped, two for
   * one that occurs twice.
   */
  instantsOf(localMs: number): readonly number[];
};

/** The text names no time zone that this version of Node or the browser knows. */
export class UnknownTimeZone extends Error {
  override readonly name = "UnknownTimeZone";
}

/**
 * The clock of a zone by its IANA name, or by its offset, as "+01:00". Throws UnknownTimeZone.
 */
export function createLocalClock(timeZone: string): LocalClock {
  const format = createFormat(timeZone);
  const offsetAt = (instantMs: number) => {
    const wholeMs = Math.floor(instantMs / 1000) * 1000;
    // "2026-03-01 08:00:00", in a third of the time that formatToParts takes.
    return Date.parse(`${format.format(wholeMs).replace(" ", "T")}Z`) - wholeMs;
  };
  const known = new Map<number, number>();
  const knownOffsetAt = (instantMs: number) => {
    const found = known.get(instantMs) ?? offsetAt(instantMs);
    if (known.size >= maxKnown) known.clear();
    known.set(instantMs, found);
    return found;
  };
  // No zone is further than 16 h from UTC, so these two offsets are the ones before and after any
  // change near this date; all times of a date share them.
  const offsetsNear = (localMs: number) => {
    const dateMs = Math.floor(localMs / dayMs) * dayMs;
    return [knownOffsetAt(dateMs - dayMs), knownOffsetAt(dateMs + 2 * dayMs)] as const;
  };
  return {
    localAt: (instantMs) => instantMs + offsetAt(instantMs),
    instantsOf(localMs) {
      const instants = new Set<number>();
      for (const offset of offsetsNear(localMs))
        if (offsetAt(localMs - offset) === offset) instants.add(localMs - offset);
      return [...instants].sort((a, b) => a - b);
    },
    firstInstantOf(localMs) {
      const [before, after] = offsetsNear(localMs);
      // If both fit, the clocks went back, and the offset before gives the earlier instant.
      for (const offset of [before, after])
        if (offsetAt(localMs - offset) === offset) return localMs - offset;
      // Skipped: the clocks jump within the hour (or day) that was lost.
      let [low, high] = [localMs - after, localMs - before];
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (offsetAt(middle) === before) low = middle;
        else high = middle;
      }
      return high;
    },
  };
}

function createFormat(timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("sv-SE", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  } catch (cause) {
    throw new UnknownTimeZone(`time zone ${JSON.stringify(timeZone)} is not known`, { cause });
  }
}
