// How long records are kept: for all signals, or for some in particular. Ingest refuses what is
// older; tidying removes it.

export type SignalRetention = { signal: string; ms: number };

export type Retention = {
  /** For signals that are not named. undefined: for ever. */
  defaultMs: number | undefined;
  /** By signal; "state" and "error" too. */
  bySignal: ReadonlyMap<string, number>;
};

/** Of the last of several for one signal. */
export function toRetention(
  defaultMs: number | undefined,
  retain: readonly SignalRetention[],
): Retention {
  return { defaultMs, bySignal: new Map(retain.map(({ signal, ms }) => [signal, ms])) };
}

/** Undefined: for ever. */
export function retentionMs(
  { defaultMs, bySignal }: Retention,
  signal: string,
): number | undefined {
  return bySignal.get(signal) ?? defaultMs;
}

/**
 * What ingest takes: as old as the signal is kept, and no older than the age to which anything is
 * taken; the later of the two says why.
 */
export type OldestTaken = { oldestUs: number; because: "retention" | "age" };

/** maxAgeMs: Infinity for any age since 1970. */
export function oldestTaken(
  retention: Retention,
  { signal, maxAgeMs, nowUs }: { signal: string; maxAgeMs: number; nowUs: number },
): OldestTaken {
  const keptUs = oldestKeptUs(retention, signal, nowUs);
  const takenUs = nowUs - maxAgeMs * 1000;
  return takenUs > keptUs
    ? { oldestUs: takenUs, because: "age" }
    : { oldestUs: keptUs, because: "retention" };
}

/**
 * The oldest time at which a signal's records are kept; that of 1970 if they are for ever, since
 * older ones are not taken at all.
 */
export function oldestKeptUs(retention: Retention, signal: string, nowUs: number): number {
  const ms = retentionMs(retention, signal);
  return ms === undefined ? 0 : Math.max(0, nowUs - ms * 1000);
}
