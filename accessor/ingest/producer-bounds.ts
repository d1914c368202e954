// How many producers there may be, and for how long: from settings to what the database is asked
// with.
import { defaultProducerBounds, type ProducerBounds } from "../store/ingest.ts";

export type ProducerOptions = {
  /**
   * Producers that one key or subject may number batches under; without authentication, ten times
   * as many for all together.
   */
  maxPerOwner: number;
  /** How long an Idempotency-Key is known at least, from its first use. */
  idempotencyMs: number;
};

/**
 * maxDerived: producers of the gateway's naming that one owner keeps once their receipts are gone.
 */
export function toProducerBounds(
  given: ProducerOptions | undefined,
  { auth }: { auth?: unknown },
): { bounds: ProducerBounds; maxDerived: number } {
  const { maxPerOwner, idempotencyMs } = given ?? {
    maxPerOwner: defaultProducerBounds.maxProducers,
    idempotencyMs: defaultProducerBounds.derivedMs,
  };
  const maxProducers = auth === undefined ? 10 * maxPerOwner : maxPerOwner;
  return { bounds: { maxProducers, derivedMs: idempotencyMs }, maxDerived: 100 * maxPerOwner };
}
