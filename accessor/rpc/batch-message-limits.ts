// What one message with a batch may cost before it is decoded. Above the limits of batches, so that
// most that are too large are told so.
import type { MessageLimits } from "../../runtime/grpc/message-limits.ts";
import type { Limits } from "../ingest/intake.ts";

const mib = 1024 * 1024;

/**
 * A batch beyond the limits is refused with BATCH_TOO_LARGE, in order and with its number used up,
 * as long as its message is within these bounds; beyond them it ends its call. What came compressed
 * may be as large as a batch and no more: a thousandth of that on the wire makes it.
 */
export function batchMessageLimits({ maxBatchBytes }: Limits): MessageLimits {
  return {
    maxBytes: 4 * maxBatchBytes,
    // Producer, number and lengths come beside the batch.
    maxDecompressedBytes: maxBatchBytes + 64 * 1024,
    maxCostBytes: 48 * mib,
    maxCostPerByte: 32,
  };
}
