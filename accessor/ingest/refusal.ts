// Why a batch is refused as a whole: because of its sender or its size, or because it is empty.
import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";
import { type Refusal, RefusalSchema } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { shownName } from "../../codec/machine-name.ts";
import type { Reason } from "../domain/failure.ts";

export const refusalFor = (reason: Reason, message: string): Refusal =>
  create(RefusalSchema, { reason: ErrorReason[reason], message });

// Bytes beside the batch in its message: producer, sequence, lengths.
const envelopeBytes = 160;

type Bounds = {
  maxBatchBytes: number;
  maxBatchRecords: number;
  /** Which machines its sender may write; undefined: all. */
  permits?: ((machine: string) => boolean) | undefined;
};

/** Why a batch is refused as a whole, if it is, once its machine has a name. */
export function refusalOf(
  batch: Batch,
  { count, byteLength }: { count: number; byteLength: number },
  { maxBatchBytes, maxBatchRecords, permits }: Bounds,
): Refusal | undefined {
  if (permits?.(batch.machine) === false)
    return refusalFor(
      "PERMISSION_DENIED",
      `the credential does not cover machine ${shownName(batch.machine)}`,
    );
  if (byteLength > maxBatchBytes + envelopeBytes)
    return refusalFor(
      "BATCH_TOO_LARGE",
      `the batch has ${byteLength} bytes; at most ${maxBatchBytes} are taken`,
    );
  if (count > maxBatchRecords)
    return refusalFor(
      "BATCH_TOO_LARGE",
      `the batch has ${count} records; at most ${maxBatchRecords} are taken`,
    );
  if (count === 0 && batch.samples.length === 0)
    return refusalFor("BATCH_EMPTY", "the batch holds no record");
  return undefined;
}
