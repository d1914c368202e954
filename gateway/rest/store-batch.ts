// Sends one batch of a POST to the accessor. A POST that has begun to store continues: if its
// caller's rate is used up, later batches wait instead of ending it half-way.
import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import type { IngestBatchResponse } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { retrySecondsOf } from "../errors/reasons.ts";
import { waitUnlessAborted } from "../limits/wait.ts";
import type { RestCall } from "./call.ts";
import type { PostQuery } from "./post-query.ts";

type Numbered = { producerId: string; sequence: bigint; batch: Batch };

/**
 * hasStored: whether an earlier batch of the same POST was stored. If not, RATE_LIMITED ends it,
 * like every other error: nothing was begun.
 */
export async function storeBatch(
  { upstream, unary }: Pick<RestCall<PostQuery>, "upstream" | "unary">,
  request: Numbered,
  { hasStored }: { hasStored: boolean },
): Promise<IngestBatchResponse> {
  for (;;) {
    try {
      return await upstream.ingest.ingestBatch(request, unary);
    } catch (error) {
      const waitMs = hasStored ? rateDelayMs(error) : undefined;
      if (waitMs === undefined) throw error;
      await waitUnlessAborted(waitMs, unary.signal);
      unary.signal.throwIfAborted();
    }
  }
}

/** How long a caller beyond its rate must wait; undefined for any other error. */
function rateDelayMs(error: unknown): number | undefined {
  if (
    !(error instanceof ConnectError) ||
    error.findDetails(ErrorInfoSchema)[0]?.reason !== "RATE_LIMITED"
  )
    return undefined;
  const seconds = retrySecondsOf(error);
  return seconds === undefined ? undefined : seconds * 1000;
}
