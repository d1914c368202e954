// The producer and numbers under which a POST's batches are stored, which make sending it again
// harmless.
import { createHash, randomUUID } from "node:crypto";
import { invalidField } from "../errors/reasons.ts";

export type Numbering = {
  producerId: string;
  /** Number of the first batch; the others follow. */
  sequence: bigint;
  /**
   * Whether the same body, sent again, gets the same numbers. Then its times must not depend on
   * when it is sent.
   */
  repeatable: boolean;
};

/**
 * A producer's own numbering; or that of an Idempotency-Key, which is a separate producer that
 * starts at 1; or neither: then every request is a separate producer, and is stored at least once,
 * and again if it is sent again.
 */
export function readNumbering(
  key: string | undefined,
  { producerId, sequence }: { producerId: unknown; sequence: unknown },
): Numbering {
  if (producerId === undefined && sequence === undefined) {
    if (key === undefined)
      return { producerId: `rest:${randomUUID()}`, sequence: 1n, repeatable: false };
    return { producerId: producerOfKey(key), sequence: 1n, repeatable: true };
  }
  if (key !== undefined)
    throw invalidField("idempotency-key", "cannot be combined with producer_id and sequence");
  if (typeof producerId !== "string")
    throw invalidField("producer_id", "a text is required beside sequence");
  // These ids number single requests: callers that could use them would interfere with the keys of
  // others.
  if (/^(rest|http):/.test(producerId))
    throw invalidField(
      "producer_id",
      'must not begin with "rest:" or "http:", which the gateway uses itself',
    );
  const digits = typeof sequence === "number" ? String(sequence) : sequence;
  // Well below 2^64, so that the numbers for one batch per machine fit too.
  if (typeof digits !== "string" || !/^\d{1,18}$/.test(digits)) {
    throw invalidField(
      "sequence",
      "a whole number below 10^18, or its digits as a text, is required beside producer_id",
    );
  }
  return { producerId, sequence: BigInt(digits), repeatable: true };
}

function producerOfKey(key: string): string {
  if (key === "" || key.length > 255) throw invalidField("idempotency-key", "1 to 255 characters");
  return `http:${createHash("sha256").update(key).digest("hex").slice(0, 40)}`;
}
