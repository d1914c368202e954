// When a machine looks silent. The accessor counts silence for its answers only after minutes, so
// that a pause is no outage; who looks at a page wants to see within seconds that nothing comes.

const leastUs = 5e6;
/** While it is not known yet how often records come. */
const unknownUs = 15e6;
const mostUs = 600e6;
/** So many times the usual distance between arrivals. */
const factor = 4;

/** Learns how often records of a machine arrive. */
export class ArrivalRhythm {
  #lastMs: number | undefined;
  #usualMs: number | undefined;

  /** Records arrived at this time, by one steady clock. */
  note(nowMs: number): void {
    if (this.#lastMs !== undefined) {
      const gapMs = nowMs - this.#lastMs;
      // Up at once, so that a slow machine is not called silent; down slowly.
      const usualMs = this.#usualMs ?? gapMs;
      const nextMs = gapMs > usualMs ? gapMs : usualMs * 0.95 + gapMs * 0.05;
      // A pause that looked like silence says nothing about the rhythm.
      this.#usualMs = Math.min(nextMs, mostUs / 1000 / factor);
    }
    this.#lastMs = nowMs;
  }

  /** The age of the newest record from which on the machine looks silent. */
  get silentAfterUs(): number {
    if (this.#usualMs === undefined) return unknownUs;
    return Math.min(mostUs, Math.max(leastUs, this.#usualMs * 1000 * factor));
  }
}

export const isSilent = (
  { lastRecordUs, silentAfterUs }: { lastRecordUs: number; silentAfterUs: number },
  nowUs: number,
): boolean => nowUs - lastRecordUs > silentAfterUs;
