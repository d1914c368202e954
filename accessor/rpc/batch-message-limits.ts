// Limits on one message with a batch before it is decoded. They are above the limits of batches, so
// that most batches that are too large get a proper refusal.
import type { MessageLimits } from "../../runtime/grpc/message-limits.ts";
import type { Limits } from "../ingest/intake.ts";

const mib = 1024 * 1024;

/**
 * A batch beyond its limits is refused with BATCH_TOO_LARGE, in order and using up its number, as
 * long as its message is within these bounds; beyond them it ends its call. A compressed message
 * may only be as large as a batch, since a thousandth of that on the wire is enough to make it.
 */
export function batchMessageLimits({ maxBatchBytes }: Limits): MessageLimits {
  return {
    maxBytes: 4 * maxBatchBytes,
    // The message also has the producer, number and lengths.
    maxDecompressedBytes: maxBatchBytes + 64 * 1024,
    maxCostBytes: 48 * mib,
    maxCostPerByte: 32,
  };
}
