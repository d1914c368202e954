// How long records are kept: for all signals, or for particular ones. Ingest refuses older records;
// retention removes them.

export type SignalRetention = { signal: string; ms: number };

export type Retention = {
  /** For all other signals. undefined: for ever. */
  defaultMs: number | undefined;
  /** By signal; "state" and "error" too. */
  bySignal: ReadonlyMap<string, number>;
};

/** The last setting for a signal counts. */
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
 * The oldest time that ingest accepts: limited by the signal's retention and by the age limit for
 * all records; `because` names the stricter one.
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
 * The oldest time from which a signal's records are kept; 1970 if they are kept for ever, since
 * older ones are never accepted.
 */
export function oldestKeptUs(retention: Retention, signal: string, nowUs: number): number {
  const ms = retentionMs(retention, signal);
  return ms === undefined ? 0 : Math.max(0, nowUs - ms * 1000);
}
