// Keeps the records that the accessor rejected: each as a JSON line that --input and a POST can
// read, with the verdict beside it.
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  type BatchResult,
  IngestRequestSchema,
  RecordKind,
  type Refusal,
  type Verdict,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import type { Batch } from "#gen/millrace/v1/signal_pb.ts";
import { type Place, rejectedRow } from "../../codec/row/rejected-row.ts";
import type { Log } from "../../runtime/log.ts";
import type { Entry } from "../outbox/outbox.ts";
import { createRecordFile } from "../spool/record-file.ts";

export type DeadLetters = AsyncDisposable & {
  /** Records that could not be written. Only the count in the log includes them. */
  readonly unwritten: number;
  /** Writes the records that a result rejects. Its promise never rejects. */
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
        let some: Letter[] = [];
        for (const letter of lettersOf(producerId, result, entry)) {
          some.push(letter);
          if (some.length < lettersAtOnce) continue;
          await file.append(some);
          some = [];
        }
        await file.append(some, { durably: true });
      } catch (error) {
        unwritten += result.refusal
          ? entry.records
          : result.verdicts.reduce((sum, { count }) => sum + count, 0);
        log.error("cannot write rejected records to their file", { path, error });
      }
    },
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** Lines per write: a batch may have tens of thousands of records, one line each. */
const lettersAtOnce = 1_000;

function* lettersOf(
  producerId: string,
  { sequence, refusal, verdicts }: BatchResult,
  { bytes }: Entry,
): Generator<Letter, void, undefined> {
  const { message } = fromBinary(IngestRequestSchema, bytes, { readUnknownFields: false });
  const batch = message.case === "batch" ? message.value.batch : undefined;
  if (batch === undefined) return;
  const place = { producerId, sequence: Number(sequence) };
  if (refusal) {
    const rejected = { ...verdictOf(refusal), ...place };
    for (const [kind, column, count] of listsOf(batch))
      for (let position = 0; position < count; position++)
        yield letterOf(batch, { kind, column, position }, rejected);
    return;
  }
  // The counts come from the server, so write at most as many records as the batch has.
  let left = recordsIn(batch);
  for (const verdict of verdicts) {
    const { kind, column, first } = verdict;
    const rejected = { ...verdictOf(verdict), retryable: verdict.retryable, ...place };
    if (verdict.count === 0) yield { machine: batch.machine, rejected: { ...rejected, column } };
    const count = Math.min(verdict.count, left);
    left -= count;
    for (let i = 0; i < count; i++)
      yield letterOf(batch, { kind, column, position: first + i }, rejected);
  }
}

const letterOf = (batch: Batch, place: Place, rejected: Letter): Letter => ({
  machine: batch.machine,
  ...rejectedRow(batch, place),
  rejected: { ...rejected, position: place.position },
});

/** Every list of a batch, with how many records it has. */
const listsOf = ({
  stateChanges,
  errorReports,
  samples,
}: Batch): [kind: RecordKind, column: number, count: number][] => [
  [RecordKind.STATE_CHANGE, 0, stateChanges.length],
  [RecordKind.ERROR_REPORT, 0, errorReports.length],
  ...samples.map(({ values }, column): [RecordKind, number, number] => [
    RecordKind.SAMPLE,
    column,
    values.length,
  ]),
];

const recordsIn = ({ stateChanges, errorReports, samples }: Batch): number =>
  samples.reduce(
    (sum, { values }) => sum + values.length,
    stateChanges.length + errorReports.length,
  );

function verdictOf({ reason, message }: Refusal | Verdict): Letter {
  return { reason: ErrorReasonSchema.value[reason]?.localName ?? String(reason), message };
}
