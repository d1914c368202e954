// Turns rows, as GET returns them, into one batch for each machine; remembers which row became
// which record.
import { create } from "@bufbuild/protobuf";
import { RecordKind, type Verdict } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  BatchSchema,
  Duplicates,
  type ErrorReport,
  ErrorReportSchema,
  type StateChange,
  StateChangeSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { declaringFirst, UploadDeclarations } from "../../codec/row/declaring.ts";
import { recordsOf } from "../../codec/row/records-of.ts";
import { type RowContext, RowFault, type RowRecord } from "../../codec/row/row-record.ts";
import type { Fault } from "../../codec/row/text-fault.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { type Declaration, toSamples } from "../../codec/wire/samples.ts";
import type { Reason } from "../errors/reasons.ts";

/** Rows that cannot become records, for one reason: `count` of them from `row` on. */
export type UnreadableRow = { row: number; count: number; reason: Reason; message: string };

/** A batch and the rows it was made of. */
export type RowBatch = {
  batch: Batch;
  /** All of them, ascending. */
  rows: number[];
  /** The rows that a verdict is about. */
  rowsOf: (verdict: Verdict) => number[];
};

type Draft = {
  machine: string;
  rows: number[];
  states: { records: StateChange[]; rows: number[] };
  errors: { records: ErrorReport[]; rows: number[] };
  eventDuplicates: Duplicates;
  /** One for each signal and declaration. */
  columns: Map<string, ColumnDraft>;
};
type ColumnDraft = Declaration & { timesUs: number[]; values: number[]; rows: number[] };

export type MadeRows = { batches: RowBatch[]; unreadable: UnreadableRow[] };

/**
 * Batches in the order in which their machines first appear. The accessor checks what only it can.
 */
export function toRowBatches(rows: readonly unknown[], context: RowContext): MadeRows {
  const made = startRows(new UploadDeclarations());
  addRows(made, rows, { from: 0, to: rows.length, ...context });
  return finishRows(made);
}

/** This many rows take a few milliseconds. */
const rowsInTurn = 2_000;

/**
 * The same for any number of rows, letting others have their turn in between. declared: by earlier
 * rows of the same upload.
 */
export async function toRowBatchesInTurns(
  rows: readonly unknown[],
  context: RowContext,
  declared = new UploadDeclarations(),
): Promise<MadeRows> {
  const made = startRows(declared);
  for (let from = 0; from < rows.length; from += rowsInTurn) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve));
    addRows(made, rows, { from, to: Math.min(rows.length, from + rowsInTurn), ...context });
  }
  return finishRows(made);
}

type Making = {
  drafts: Map<string, Draft>;
  unreadable: UnreadableRow[];
  declared: UploadDeclarations;
};

const startRows = (declared: UploadDeclarations): Making => ({
  drafts: new Map(),
  unreadable: [],
  declared,
});

const finishRows = ({ drafts, unreadable, declared }: Making): MadeRows => ({
  batches: [...drafts.values()].map((draft) => toRowBatch(draft, declared)),
  unreadable,
});

function addRows(
  { drafts, unreadable, declared }: Making,
  rows: readonly unknown[],
  { from, to, ...context }: RowContext & { from: number; to: number },
): void {
  for (let row = from; row < to; row++) {
    for (const record of recordsOf(rows[row], context)) {
      if (record instanceof RowFault) {
        noteUnreadable(unreadable, row, record);
        if (record.declares !== undefined) declared.note(record.declares.machine, record.declares);
      } else addRecord({ drafts, declared }, record, row);
    }
  }
}

/**
 * Neighbours with the same fault become one entry, so that the entries for a list of zeros do not
 * grow with it.
 */
function noteUnreadable(
  unreadable: UnreadableRow[],
  row: number,
  { reason, message }: Fault,
): void {
  const last = unreadable.at(-1);
  const follows = last !== undefined && last.row + last.count === row;
  if (follows && last.reason === reason && last.message === message) last.count++;
  else unreadable.push({ row, count: 1, reason, message });
}

function addRecord(
  { drafts, declared }: Omit<Making, "unreadable">,
  record: RowRecord,
  row: number,
): void {
  const { machine, timeUs } = record;
  let draft = drafts.get(machine);
  if (!draft) {
    draft = {
      machine,
      rows: [],
      states: { records: [], rows: [] },
      errors: { records: [], rows: [] },
      eventDuplicates: Duplicates.UNSPECIFIED,
      columns: new Map(),
    };
    drafts.set(machine, draft);
  }
  draft.rows.push(row);
  if (record.kind !== "value") draft.eventDuplicates ||= record.duplicates ?? 0;
  if (record.kind === "state") {
    const { state, reason } = record;
    draft.states.records.push(
      create(StateChangeSchema, { time: toTimestamp(timeUs), state, reason }),
    );
    draft.states.rows.push(row);
  } else if (record.kind === "error") {
    const { severity, code, message } = record;
    draft.errors.records.push(
      create(ErrorReportSchema, { time: toTimestamp(timeUs), severity, code, message }),
    );
    draft.errors.rows.push(row);
  } else {
    const { signal, unit, maxGapUs, sampleType, duplicates, value } = record;
    const key = `${signal} ${maxGapUs ?? ""} ${sampleType ?? ""} ${duplicates ?? ""} ${unit}`;
    let column = draft.columns.get(key);
    if (column === undefined) {
      column = {
        signal,
        unit,
        maxGapUs,
        sampleType,
        duplicates,
        timesUs: [],
        values: [],
        rows: [],
      };
      draft.columns.set(key, column);
      declared.note(machine, column);
    }
    column.timesUs.push(timeUs);
    column.values.push(value);
    column.rows.push(row);
  }
}

function toRowBatch(
  { machine, rows, states, errors, eventDuplicates, columns: drafts }: Draft,
  declared: UploadDeclarations,
): RowBatch {
  const columns = declaringFirst([...drafts.values()]);
  const declaring = declared
    .missing(machine, columns)
    .map((declaration) => ({ ...declaration, timesUs: [], values: [] }));
  const samples = [...columns, ...declaring].map(({ timesUs, values, ...declaration }) =>
    toSamples(declaration, {
      timesUs: new Float64Array(timesUs),
      values: new Float64Array(values),
    }),
  );
  const columnRows = columns.map((column) => column.rows);
  return {
    batch: create(BatchSchema, {
      machine,
      stateChanges: states.records,
      errorReports: errors.records,
      samples,
      eventDuplicates,
    }),
    rows,
    rowsOf({ kind, column, first, count }) {
      const of =
        kind === RecordKind.STATE_CHANGE
          ? states.rows
          : kind === RecordKind.ERROR_REPORT
            ? errors.rows
            : columnRows[column];
      return (of ?? []).slice(first, first + count);
    },
  };
}
