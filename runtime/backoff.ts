// Waiting between attempts: growing, jittered delays and a sleep that can be cancelled.

/**
 * Delays for one series of attempts. `next()` gives the delay before the next attempt; `reset()`
 * after a success.
 */
export interface Backoff {
  next(): number;
  reset(): void;
}

/**
 * Exponential delays in whole milliseconds: the n-th lies between half and all of min(maxMs, baseMs
 * * 2^n), so that clients that failed together do not all retry at the same time. `random` gives
 * numbers in [0, 1) (default Math.random).
 */
export function createBackoff({
  baseMs,
  maxMs,
  random = Math.random,
}: {
  baseMs: number;
  maxMs: number;
  random?: () => number;
}): Backoff {
  let ceilingMs = Math.min(baseMs, maxMs);
  return {
    next() {
      const delayMs = Math.round(ceilingMs * (0.5 + random() / 2));
      ceilingMs = Math.min(ceilingMs * 2, maxMs);
      return delayMs;
    },
    reset() {
      ceilingMs = Math.min(baseMs, maxMs);
    },
  };
}

/** The longest delay a Node timer takes; a longer one would fire after 1 ms. */
const maxTimerMs = 2 ** 31 - 1;

/**
 * Resolves after `ms` milliseconds (at most about 24.8 days, else RangeError), or rejects with
 * `abort.reason` as soon as it aborts. Leaves no timer and no listener behind.
 */
export function sleep(ms: number, abort?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!(ms <= maxTimerMs)) throw new RangeError(`sleep of ${ms} ms: at most ${maxTimerMs} ms`);
    if (abort?.aborted) return reject(abort.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(abort?.reason);
    };
    const timer = setTimeout(() => {
      abort?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    abort?.addEventListener("abort", onAbort, { once: true });
  });
}
