// How many producers there may be, and for how long: converts settings to the limits that the
// database gets.
import { defaultProducerLimits, type ProducerLimits } from "../store/ingest.ts";

export type ProducerOptions = {
  /**
   * Most producer ids that one key or subject may use; without authentication, ten times as many
   * for all callers together.
   */
  maxProducers: number;
  /** How long an Idempotency-Key is remembered at least, from its first use. */
  idempotencyWindowMs: number;
};

/**
 * maxDerived: most producers named by the gateway that one owner keeps once their receipts are
 * deleted.
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
