// Keeps what the accessor did not take: each rejected record a JSON line, as --input and a POST
// read it, with the verdict beside it.
import { fromBinary } from "@bufbuild/protobuf";
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import {
  type BatchResult,
  IngestRequestSchema,
  RecordKind,
  type Refusal,
  type Verdict,
} from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  MachineStateSchema,
  type Samples,
  type SampleType,
  SeveritySchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { durationText } from "../../codec/row/duration.ts";
import { sampleTypeWord } from "../../codec/row/sample-type.ts";
import { toDurationUs } from "../../codec/timestamps.ts";
import { timesOf } from "../../codec/wire/samples.ts";
import type { Log } from "../../runtime/log.ts";
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

/** A batch may have tens of thousands of records, of which each is a line. */
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
  // Counts are a server's word: verdicts are about no more records than the batch has.
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

type Place = { kind: RecordKind; column: number; position: number };

const letterOf = (batch: Batch, place: Place, rejected: Letter): Letter => ({
  machine: batch.machine,
  ...recordAt(batch, place),
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

function recordAt(batch: Batch, { kind, column, position }: Place): Letter {
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
    return {
      signal: "error",
      time: timeOf(time),
      severity: SeveritySchema.value[severity]?.localName,
      code,
      message,
    };
  }
  const samples = batch.samples[column];
  if (!samples) return {};
  const timeUs = samples.times.case === undefined ? undefined : timesOfColumn(samples)[position];
  const value = samples.values[position];
  // JSON has no NaN, no infinity and no -0.
  const shown =
    Object.is(value, -0) || !Number.isFinite(value)
      ? Object.is(value, -0)
        ? "-0"
        : String(value)
      : value;
  const { signal, unit, maxGap, sampleType } = samples;
  const declared = {
    unit,
    ...(maxGap && { max_gap: gapText(maxGap) }),
    ...(sampleType && { sample_type: typeText(sampleType) }),
  };
  return { signal, ...declared, time: timeText(timeUs), value: shown };
}

const columnTimes = new WeakMap<Samples, Float64Array>();

/** Made once for all records of a column. */
function timesOfColumn(samples: Samples): Float64Array {
  const made = columnTimes.get(samples) ?? timesOf(samples);
  columnTimes.set(samples, made);
  return made;
}

/** One that is none stays none: it may be why the record was rejected. */
function gapText(maxGap: Duration): string {
  const us = toDurationUs(maxGap);
  return Number.isSafeInteger(us) && us >= 0
    ? durationText(BigInt(us))
    : `${maxGap.seconds} s ${maxGap.nanos} ns`;
}

/** So is a type that is none. */
const typeText = (type: SampleType): string => sampleTypeWord(type) ?? String(type);

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
