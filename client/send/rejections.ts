// Counts and logs what the accessor rejected, without flooding the log.

import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  type BatchResult,
  RecordKind,
  type Refusal,
  type Verdict,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Log } from "../../runtime/log.ts";
import type { Entry } from "../outbox/outbox.ts";

export type RejectionCounts = {
  /** Batches refused as a whole. */
  refusedBatches: number;
  /** Records in refused batches, and records with a verdict. */
  rejectedRecords: number;
  /** Batches that were stored already when they arrived. A success. */
  duplicateBatches: number;
  /** Warnings about columns that are stored all the same. */
  warnings: number;
};

/** At most one line for each reason in this time; the next line tells how many were left out. */
const quietMs = 5000;

/** Counts into `counts` and logs. `now` in milliseconds, default Date.now. */
export function createRejections({
  log,
  counts,
  now = Date.now,
}: {
  log: Log;
  counts: RejectionCounts;
  now?: () => number;
}) {
  const quiet = new Map<number, { untilMs: number; leftOut: number }>();

  function warn(
    problem: Refusal | Verdict,
    fields: { sequence: number; records: number; kind?: string },
  ): void {
    const { reason, message } = problem;
    const known = quiet.get(reason);
    if (known && now() < known.untilMs) {
      known.leftOut += fields.records;
      return;
    }
    quiet.set(reason, { untilMs: now() + quietMs, leftOut: 0 });
    const leftOut = known && known.leftOut > 0 ? { sinceLastLine: known.leftOut } : {};
    log.warn(`${fields.kind ?? "batch"} rejected: ${message}`, {
      reason: reasonName(reason),
      ...fields,
      ...leftOut,
    });
  }

  /** Takes one result, with the batch it is about if that is still held. */
  return function count(
    { sequence, duplicate, refusal, verdicts, warnings }: BatchResult,
    entry: Entry | undefined,
  ): void {
    if (duplicate) counts.duplicateBatches++;
    counts.warnings += warnings.length;
    if (refusal) {
      const records = entry?.records ?? 0;
      counts.refusedBatches++;
      counts.rejectedRecords += records;
      warn(refusal, { sequence: Number(sequence), records });
    }
    for (const verdict of verdicts) {
      counts.rejectedRecords += verdict.count;
      warn(verdict, {
        sequence: Number(sequence),
        records: verdict.count,
        kind: kindNames[verdict.kind] ?? "record",
      });
    }
  };
}

const kindNames: Record<number, string> = {
  [RecordKind.STATE_CHANGE]: "state change",
  [RecordKind.ERROR_REPORT]: "error report",
  [RecordKind.SAMPLE]: "samples",
};

function reasonName(reason: number): string {
  return (
    ErrorReasonSchema.values.find(({ number }) => number === reason)?.localName ?? String(reason)
  );
}
