// Writes records as flat rows, one row each, in lower_snake_case, with enum values without their
// prefix. record.ts reads them.
import {
  type Batch,
  type ErrorReport,
  MachineStateSchema,
  SeveritySchema,
  type Signal,
  type StateChange,
} from "#gen/millrace/v1/signal_pb.ts";
import { timesOf } from "../wire/samples.ts";
import { toWord } from "./enum-words.ts";
import type { Json } from "./json-text.ts";
import { sampleTypeWord } from "./sample-type.ts";
import { formatTime, fromTimestamp, timeText } from "./time-text.ts";

/**
 * A record: its machine, signal and time, and the fields of its kind (value, unit; state, reason;
 * severity, code, message).
 */
export type Row = { machine: string; signal: string; time?: string } & Record<string, Json>;

/** The members of a row of this signal, in order: the columns of CSV. */
export function columnsOf(signal: string): readonly string[] {
  if (signal === "state") return ["machine", "signal", "time", "state", "reason"];
  if (signal === "error") return ["machine", "signal", "time", "severity", "code", "message"];
  return ["machine", "signal", "time", "value"];
}

/** The columns of an export, which declares what its samples are. */
export function exportColumnsOf(signal: string): readonly string[] {
  const columns = columnsOf(signal);
  return columns.includes("value") ? [...columns, "unit", "max_gap", "sample_type"] : columns;
}

/** The row of a record of a page. */
export function toRow({ machine, signal, time, record, unit, silentSinceTime }: Signal): Row {
  const head = { machine, signal, ...(time ? { time: formatTime(fromTimestamp(time)) } : {}) };
  if (record.case === "value") return { ...head, value: record.value, unit: unit || undefined };
  if (record.case === "stateChange")
    return { ...head, ...stateFields(record.value), silent_since: timeText(silentSinceTime) };
  if (record.case === "errorReport") return { ...head, ...errorFields(record.value) };
  return head;
}

/**
 * The rows of a batch of a feed: state changes, error reports, then each column, all in the batch's
 * order.
 */
export function* batchRows({
  machine,
  stateChanges,
  errorReports,
  samples,
}: Batch): Generator<Row, void, undefined> {
  for (const change of stateChanges)
    yield { ...head(machine, "state", change), ...stateFields(change) };
  for (const report of errorReports)
    yield { ...head(machine, "error", report), ...errorFields(report) };
  for (const column of samples) {
    const { signal, values } = column;
    const timesUs = timesOf(column);
    // An undefined member is not written.
    const unit = column.unit || undefined;
    const sample_type = sampleTypeWord(column.sampleType);
    for (const [i, value] of values.entries())
      yield { machine, signal, time: formatTime(BigInt(timesUs[i]!)), value, unit, sample_type };
  }
}

function head(machine: string, signal: string, { time }: StateChange | ErrorReport) {
  return { machine, signal, ...(time ? { time: formatTime(fromTimestamp(time)) } : {}) };
}

export const stateFields = ({ state, reason }: StateChange) => ({
  state: toWord(MachineStateSchema, state),
  reason,
});

export const errorFields = ({ severity, code, message }: ErrorReport) => ({
  severity: toWord(SeveritySchema, severity),
  code,
  message,
});
