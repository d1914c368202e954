// Keeps what the accessor did not take: each rejected record a JSON line, as --input reads it, with
// the verdict beside it.
import { fromBinary, toJson } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  type BatchResult,
  IngestRequestSchema,
  RecordKind,
  type Refusal,
  type Verdict,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import { type Batch, BatchSchema, MachineStateSchema, SeveritySchema } from "#gen/millrace/v1/signal_pb.ts";
import type { Log } from "../runtime/log.ts";
import { timesOf } from "../samples/wire.ts";
import type { Entry } from "./outbox.ts";
import { createRecordFile } from "./spool/record-file.ts";

export type DeadLetters = AsyncDisposable & {
  /** Records that could not be written: they are in the log's count only. */
  readonly unwritten: number;
  /** Writes the records that a result rejects. Does not reject. */
  write(rejected: { producerId: string; result: BatchResult; entry: Entry }): Promise<void>;
};

type Letter = Record<string, unknown>;

/**
 * Opens the file when something is rejected. When it is larger than `maxBytes` (default 64 MiB) it
 * becomes PATH.1, in place of an older one.
 */
export function createDeadLetters({
  path,
  log,
  maxBytes = 64 * 2 ** 20,
}: {
  path: string;
  log: Log;
  maxBytes?: number;
}): DeadLetters {
  const file = createRecordFile({ path, maxBytes });
  let unwritten = 0;
  return {
    get unwritten() {
      return unwritten;
    },
    async write({ producerId, result, entry }) {
      try {
        await file.append(lettersOf(producerId, result, entry), { durably: true });
      } catch (error) {
        unwritten += result.refusal ? entry.records : result.verdicts.reduce((sum, { count }) => sum + count, 0);
        log.error("cannot write rejected records to their file", { path, error });
      }
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function lettersOf(producerId: string, { sequence, refusal, verdicts }: BatchResult, { bytes }: Entry): Letter[] {
  const { message } = fromBinary(IngestRequestSchema, bytes, { readUnknownFields: false });
  const batch = message.case === "batch" ? message.value.batch : undefined;
  if (batch === undefined) return [];
  const place = { producerId, sequence: Number(sequence) };
  if (refusal) return [{ batch: toJson(BatchSchema, batch), rejected: { ...verdictOf(refusal), ...place } }];
  // Counts are a server's word: verdicts are about no more records than the batch has.
  let left = recordsIn(batch);
  return verdicts.flatMap((verdict): Letter[] => {
    const rejected = { ...verdictOf(verdict), retryable: verdict.retryable, ...place };
    if (verdict.count === 0) return [{ machine: batch.machine, rejected: { ...rejected, column: verdict.column } }];
    const count = Math.min(verdict.count, left);
    left -= count;
    return Array.from({ length: count }, (_, i) => ({
      machine: batch.machine,
      ...recordAt(batch, verdict, verdict.first + i),
      rejected: { ...rejected, position: verdict.first + i },
    }));
  });
}

const recordsIn = ({ stateChanges, errorReports, samples }: Batch): number =>
  samples.reduce((sum, { values }) => sum + values.length, stateChanges.length + errorReports.length);

function verdictOf({ reason, message }: Refusal | Verdict): Letter {
  return { reason: ErrorReasonSchema.value[reason]?.localName ?? String(reason), message };
}

function recordAt(batch: Batch, { kind, column }: Verdict, position: number): Letter {
  if (kind === RecordKind.STATE_CHANGE) {
    const change = batch.stateChanges[position];
    if (!change) return {};
    return {
      signal: "state",
      time: timeOf(change.time),
      state: MachineStateSchema.value[change.state]?.localName,
      reason: change.reason,
    };
  }
  if (kind === RecordKind.ERROR_REPORT) {
    const report = batch.errorReports[position];
    if (!report) return {};
    const { time, severity, code, message } = report;
    return { signal: "error", time: timeOf(time), severity: SeveritySchema.value[severity]?.localName, code, message };
  }
  const samples = batch.samples[column];
  if (!samples) return {};
  const timeUs = samples.times.case === undefined ? undefined : timesOf(samples)[position];
  const value = samples.values[position];
  // JSON has no NaN, no infinity and no -0.
  const shown = Object.is(value, -0) || !Number.isFinite(value) ? (Object.is(value, -0) ? "-0" : String(value)) : value;
  return { signal: samples.signal, unit: samples.unit, time: timeText(timeUs), value: shown };
}

function timeOf(time: Timestamp | undefined): string | undefined {
  return time && timeText(Number(time.seconds) * 1e6 + Math.floor(time.nanos / 1000));
}

/** RFC 3339 to the microsecond; what is no date, as "N us". */
function timeText(timeUs: number | undefined): string | undefined {
  if (timeUs === undefined) return undefined;
  const whole = Math.floor(timeUs / 1e6);
  const date = new Date(whole * 1000);
  if (Number.isNaN(date.getTime())) return `${timeUs} us`;
  return `${date.toISOString().slice(0, -5)}.${String(timeUs - whole * 1e6).padStart(6, "0")}Z`;
}
