// Limits how many minutes of work a caller's batches may cause for compaction, as minutes.ts counts
// them: without this bound, ten seconds of one caller's data can delay all others' by half an hour.
import type { TokenBuckets } from "../../access/token-buckets.ts";
import { sleep } from "../../runtime/backoff.ts";
import { Failure } from "../domain/failure.ts";

export const spreadLimit = "minutes-per-second";

export type SpreadOptions = {
  /** The remaining minutes of each caller. */
  buckets: TokenBuckets;
  /** Callers that this bound does not apply to. */
  isExempt: (holder: string) => boolean;
  onRefused: (limit: typeof spreadLimit) => void;
};

export class Spread {
  readonly #options: SpreadOptions;

  constructor(options: SpreadOptions) {
    this.#options = options;
  }

  applies(holder: string): boolean {
    return !this.#options.isExempt(holder);
  }

  /**
   * Takes the minutes of a batch from its caller's budget, which may go into debt by one batch.
   * Waits while it is in debt; fails with RATE_LIMITED if it would wait longer than maxWaitMs.
   */
  async take(
    holder: string,
    minutes: number,
    { maxWaitMs, abort }: { maxWaitMs: number; abort: AbortSignal },
  ): Promise<void> {
    if (minutes === 0) return;
    for (let leftMs = maxWaitMs; ; ) {
      const { granted, retryMs } = this.#options.buckets.take(holder, minutes);
      if (granted) return;
      if (retryMs > leftMs) throw this.#refusal(retryMs);
      leftMs -= retryMs;
      await sleep(retryMs, abort);
    }
  }

  #refusal(retryMs: number): Failure {
    const { onRefused, buckets } = this.#options;
    onRefused(spreadLimit);
    const message =
      `your batches spread over more than ${buckets.rate.perSecond} minutes of signals a second, ` +
      "or go into full ones: put records of the same minutes into one batch, or try again after the delay in RetryInfo";
    return new Failure("RATE_LIMITED", message, {
      metadata: { limit: spreadLimit },
      retryAfterMs: retryMs,
    });
  }
}
