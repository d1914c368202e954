// IngestBatches: several batches in one call, prepared while those before them are being decided.
import type { BatchResult } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { batchBytes } from "../../codec/wire/batch-bytes.ts";
import { countRecords } from "../../codec/wire/count-records.ts";
import type { Position } from "../domain/cursor.ts";
import type { Intake } from "../ingest/intake.ts";
import type { Decided } from "../ingest/sequences.ts";
import type { Sender } from "../store/ingest.ts";
import { invalid } from "./check-request.ts";

/** Of one call. */
const maxBatches = 1_024;

export type InOrder = {
  /** The number of the first batch. */
  first: bigint;
  batches: readonly Batch[];
  /** On the wire. */
  totalBytes: number;
};

export type InOrderCaller = {
  intake: Intake;
  sender: Sender;
  permits: ((machine: string) => boolean) | undefined;
  holder: string;
  abort: AbortSignal;
  maxWaitMs: number;
};

/**
 * Fails with the first error of a batch; batches before it may be stored. position: of the last
 * commit.
 */
export async function ingestInOrder(
  { first, batches, totalBytes }: InOrder,
  { intake, sender, permits, holder, abort, maxWaitMs }: InOrderCaller,
): Promise<{ results: BatchResult[]; position: Position }> {
  if (batches.length === 0 || batches.length > maxBatches)
    throw invalid("batches", `has ${batches.length} batches: send 1 to ${maxBatches}`);
  const records = batches.reduce((sum, batch) => sum + countRecords(batch), 0);
  // As many verdicts as a message may have.
  if (records > intake.limits.maxBatchRecords)
    throw invalid(
      "batches",
      `have ${records} records together: send at most ${intake.limits.maxBatchRecords} in one call`,
    );
  const { epoch } = intake;
  const deciding: Promise<Decided>[] = [];
  try {
    for (const [i, batch] of batches.entries()) {
      const byteLength = Math.min(batchBytes(batch), totalBytes);
      using stack = new DisposableStack();
      stack.use(await intake.admit(batch, byteLength, { abort, holder, maxWaitMs }));
      const sequence = first + BigInt(i);
      const numbered = { sequence, batch, byteLength, sender, permits, epoch, holder };
      const prepared = await intake.prepare(numbered);
      const inFlight = stack.move();
      const decided = intake.decide({ ...sender, prepared, epoch, holder });
      const released = decided.finally(() => inFlight.dispose());
      // A failure is seen below; until then it must not count as unhandled.
      released.catch(() => {});
      deciding.push(released);
    }
  } catch (error) {
    // What failed first is what the caller has to know.
    await Promise.all(deciding);
    throw error;
  }
  const decided = await Promise.all(deciding);
  const revision = decided.reduce((most, one) => Math.max(most, one.revision), 0);
  return { results: decided.map(({ result }) => result), position: { epoch, revision } };
}
