// How far the server's clock is ahead of the browser's, as commits show it. A commit arrives after
// it was made, so each one gives a bound: commit time minus arrival is the offset less the delay.
// The greatest of the last minutes is the best estimate, because its delay was the least.

const windowMs = 300_000;

export class ServerClock {
  #bounds: { atMs: number; offsetMs: number }[] = [];

  note(commitMs: number, nowMs: number): void {
    const offsetMs = commitMs - nowMs;
    const kept = this.#bounds.filter((one) => one.atMs > nowMs - windowMs);
    // Only bounds that may still become the greatest.
    while (kept.length > 0 && kept.at(-1)!.offsetMs <= offsetMs) kept.pop();
    kept.push({ atMs: nowMs, offsetMs });
    this.#bounds = kept.length > 64 ? kept.slice(0, 64) : kept;
  }

  /** 0 until the first commit. */
  get offsetMs(): number {
    return this.#bounds[0]?.offsetMs ?? 0;
  }
}
