// How many records a message of a producer contains.
import { isMessage, type Message } from "@bufbuild/protobuf";
import {
  IngestBatchRequestSchema,
  IngestRequestSchema,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";

export const countRecords = ({ stateChanges, errorReports, samples }: Batch): number =>
  stateChanges.length +
  errorReports.length +
  samples.reduce((sum, { values }) => sum + values.length, 0);

/** 0 for a message without a batch. */
export function countRecordsOfMessage(message: Message): number {
  const batch = isMessage(message, IngestBatchRequestSchema)
    ? message.batch
    : isMessage(message, IngestRequestSchema) && message.message.case === "batch"
      ? message.message.value.batch
      : undefined;
  return batch === undefined ? 0 : countRecords(batch);
}
