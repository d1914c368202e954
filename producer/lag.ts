// Logs when a live simulation falls behind the clock, repeats that from time to time, and logs when
// it has caught up.
import type { Log } from "../runtime/log.ts";
import { grouped } from "./status.ts";

/** The state at one moment. */
export type LagSample = {
  /** Simulated time that has passed and is not yet in records. */
  sourceSeconds: number;
  /** Records made and not acknowledged. */
  heldRecords: number;
  /** Records that the machines make in a second. */
  recordsPerSecond: number;
};

export type LagOptions = {
  log: Pick<Log, "info" | "warn">;
  /** Milliseconds that never go back; default performance.now. */
  nowMs?: () => number;
};

const behindSeconds = 5;
const caughtUpSeconds = 1;
// The lag is compared with this many samples ago: one that shrinks is not reported.
const compared = 5;
const repeatMs = 60_000;

/**
 * Call it each second, with undefined while the simulation need not be at the present (a backfill,
 * no connection). It warns at most once a minute while the lag is 5 s or more and grows, and logs
 * once when less than 1 s is left.
 */
export function createLagWatch({ log, nowMs = () => performance.now() }: LagOptions) {
  let before: number[] = [];
  let warnedMs = Number.NEGATIVE_INFINITY;
  let isBehind = false;
  return (sample: LagSample | undefined): void => {
    if (sample === undefined) {
      before = [];
      return;
    }
    const { sourceSeconds, heldRecords, recordsPerSecond } = sample;
    const seconds = sourceSeconds + heldRecords / recordsPerSecond;
    const grows = before.length === compared && seconds > before[0]!;
    before = [...before, seconds].slice(-compared);
    if (isBehind && seconds < caughtUpSeconds) {
      isBehind = false;
      warnedMs = Number.NEGATIVE_INFINITY;
      log.info("caught up with the present");
    } else if (seconds >= behindSeconds && grows && nowMs() - warnedMs >= repeatMs) {
      isBehind = true;
      warnedMs = nowMs();
      const samples = grouped(sourceSeconds * recordsPerSecond + heldRecords);
      log.warn(
        `falling behind: ${samples} samples (${Math.round(seconds)} s) are not stored yet, and the number grows. ` +
          "Simulate less (--machines, --rate-hz), or give PostgreSQL and the accessor more CPU",
      );
    }
  };
}
