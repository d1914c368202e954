// Converts batches of the harness to messages for the accessor, and its answers to text.
import type { BatchResult, IngestRequest } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { SentBatch } from "./batches.ts";

export function answerOf({ refusal, verdicts }: BatchResult): string[] {
  if (refusal !== undefined) return [`refusal ${refusal.reason}`];
  return verdicts
    .map(
      ({ kind, column, first, count, reason }) => `${kind} ${column} ${first}+${count} ${reason}`,
    )
    .sort();
}

export function toRequest(message: IngestRequest["message"]): IngestRequest {
  return { $typeName: "millrace.v1.IngestRequest", message };
}

export function numbered(sequence: number, { batch }: SentBatch): IngestRequest {
  return toRequest({
    case: "batch",
    value: { $typeName: "millrace.v1.NumberedBatch", sequence: BigInt(sequence), batch },
  });
}
