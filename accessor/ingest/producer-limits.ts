// How many producers there may be, and for how long: from settings to what the database is asked
// with.
import { defaultProducerLimits, type ProducerLimits } from "../store/ingest.ts";

export type ProducerOptions = {
  /**
   * Producers that one key or subject may number batches under; without authentication, ten times
   * as many for all together.
   */
  maxProducers: number;
  /** How long an Idempotency-Key is known at least, from its first use. */
  idempotencyWindowMs: number;
};

/**
 * maxDerived: producers of the gateway's naming that one owner keeps once their receipts are gone.
 */
export function toProducerLimits(
  options: ProducerOptions = defaultProducerLimits,
  { auth }: { auth?: unknown } = {},
): { producers: ProducerLimits; maxDerived: number } {
  const { maxProducers, idempotencyWindowMs } = options;
  return {
    producers: {
      maxProducers: auth === undefined ? 10 * maxProducers : maxProducers,
      idempotencyWindowMs,
    },
    maxDerived: 100 * maxProducers,
  };
}
