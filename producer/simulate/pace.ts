// Decides when to make which span of simulated time: live spans by the clock, past ones as fast as
// they are taken. Makes no records.
import { sleep } from "../../runtime/backoff.ts";

/** Tells the time and waits for it; tests have their own. */
export interface Clock {
  /** Microseconds since the epoch. */
  nowUs(): number;
  /** Resolves after this long; rejects when `abort` aborts. */
  sleep(ms: number, abort: AbortSignal): Promise<void>;
}

/**
 * The system's clock. If it is set back, spans wait until it has caught up; if it is set forward,
 * they make up for it.
 */
export const systemClock: Clock = {
  // performance.now() does not follow corrections of the clock, and the accessor checks times
  // against its own, corrected clock.
  nowUs: () => Date.now() * 1000,
  sleep,
};

/** A piece of simulated time, [fromUs, toUs). `live` if it reached the present when it was made. */
export type Span = { readonly fromUs: number; readonly toUs: number; readonly live: boolean };

export type PaceOptions = {
  /** Where simulated time begins. */
  startUs: number;
  /** Where it ends; absent: never. */
  untilUs?: number | undefined;
  /**
   * Simulated seconds per second. Absent: as fast as spans are taken. The present is never passed.
   */
  speed?: number | undefined;
  /** Between two live spans. */
  batchIntervalMs: number;
  /** Longest span, which bounds a batch. */
  maxSpanUs: number;
  clock: Clock;
  abort: AbortSignal;
};

/**
 * Adjoining spans from startUs on, none longer than maxSpanUs. Behind the present they come without
 * a pause; at the present, one comes each interval (on whole multiples of it, so delays do not add
 * up). Each span begins where the last one ended, however late the event loop is. Ends at untilUs;
 * throws the abort signal's reason when that aborts.
 */
export async function* paceSpans(options: PaceOptions): AsyncGenerator<Span, void, undefined> {
  const {
    startUs,
    untilUs = Number.POSITIVE_INFINITY,
    speed,
    batchIntervalMs,
    maxSpanUs,
    clock,
    abort,
  } = options;
  const beganUs = clock.nowUs();
  const intervalUs = batchIntervalMs * 1000;
  let fromUs = startUs;
  while (fromUs < untilUs) {
    abort.throwIfAborted();
    const nowUs = clock.nowUs();
    const pacedUs = speed === undefined ? nowUs : startUs + Math.floor((nowUs - beganUs) * speed);
    const goalUs = Math.min(nowUs, pacedUs, untilUs);
    const toUs = Math.min(goalUs, fromUs + maxSpanUs);
    if (toUs > fromUs) {
      yield { fromUs, toUs, live: toUs === goalUs && nowUs - toUs < 2 * intervalUs };
      fromUs = toUs;
    }
    if (fromUs >= Math.min(goalUs, untilUs) && fromUs < untilUs) {
      const nextUs = (Math.floor(clock.nowUs() / intervalUs) + 1) * intervalUs;
      await clock.sleep(Math.max(1, (nextUs - clock.nowUs()) / 1000), abort);
    }
  }
}
