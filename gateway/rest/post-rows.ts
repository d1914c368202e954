// Rows as GET answers them, turned into one batch for each machine; remembers which row became
// which record.
import { create } from "@bufbuild/protobuf";
import { RecordKind, type Verdict } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  BatchSchema,
  type ErrorReport,
  ErrorReportSchema,
  MachineStateSchema,
  SeveritySchema,
  type StateChange,
  StateChangeSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { toSamples } from "../../samples/wire.ts";
import type { Reason } from "../errors.ts";
import { isRelativeTime, parseTime, timeForms, toTimestamp } from "./time.ts";
import { fromWord } from "./words.ts";

/** Rows that cannot become records, for one reason: `count` of them from `row` on. */
export type UnreadableRow = { row: number; count: number; reason: Reason; message: string };

/** A batch and the rows it was made of. */
export type RowBatch = {
  batch: Batch;
  /** All of them, ascending. */
  rows: number[];
  /** Those that a verdict is about. */
  rowsOf: (verdict: Verdict) => number[];
};

type Draft = {
  machine: string;
  rows: number[];
  states: { records: StateChange[]; rows: number[] };
  errors: { records: ErrorReport[]; rows: number[] };
  /** One for each signal and unit. */
  columns: Map<string, { signal: string; unit: string; timesUs: number[]; values: number[]; rows: number[] }>;
};

/** Stands for a row that could not even be read. */
export class UnreadableText {
  readonly message: string;
  /** How many lines it stands for: each of them was a row to whoever wrote it. */
  readonly lines: number;
  constructor(message: string, lines = 1) {
    this.message = message;
    this.lines = lines;
  }
}

type RowContext = {
  /** What "now" is; undefined where times must not depend on when they are sent. */
  nowUs: bigint | undefined;
  /** The signal of rows that name none. */
  signal?: string | undefined;
};

/** ignored: names of members that mean nothing. */
export type MadeRows = { batches: RowBatch[]; unreadable: UnreadableRow[]; ignored: ReadonlySet<string> };

/**
 * Batches in the order in which their machines first appear. What the accessor can judge (names,
 * states, values) is left to it.
 */
export function toRowBatches(rows: readonly unknown[], context: RowContext): MadeRows {
  const made = startRows();
  addRows(made, rows, { from: 0, to: rows.length, ...context });
  return finishRows(made);
}

/** So many rows take a few milliseconds. */
const rowsInTurn = 2_000;

/** The same, letting others have their turn in between: of any number of rows. */
export async function toRowBatchesInTurns(rows: readonly unknown[], context: RowContext): Promise<MadeRows> {
  const made = startRows();
  for (let from = 0; from < rows.length; from += rowsInTurn) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve));
    addRows(made, rows, { from, to: Math.min(rows.length, from + rowsInTurn), ...context });
  }
  return finishRows(made);
}

type Making = { drafts: Map<string, Draft>; unreadable: UnreadableRow[]; ignored: Set<string> };

const startRows = (): Making => ({ drafts: new Map(), unreadable: [], ignored: new Set() });

const finishRows = ({ drafts, ...told }: Making): MadeRows => ({
  batches: [...drafts.values()].map(toRowBatch),
  ...told,
});

function addRows(
  { drafts, unreadable, ignored }: Making,
  rows: readonly unknown[],
  { from, to, ...context }: RowContext & { from: number; to: number },
): void {
  for (let row = from; row < to; row++) {
    const fields = rows[row];
    const fault = isObject(fields) ? addRow(drafts, fields, { row, ...context }) : notARow(fields);
    if (fault) noteUnreadable(unreadable, row, fault);
    else noteIgnored(ignored, fields as Record<string, unknown>);
  }
}

/**
 * Neighbours with the same fault are one: what is remembered of a list of zeros does not grow with
 * it.
 */
function noteUnreadable(unreadable: UnreadableRow[], row: number, { reason, message }: Fault): void {
  const last = unreadable.at(-1);
  const follows = last !== undefined && last.row + last.count === row;
  if (follows && last.reason === reason && last.message === message) last.count++;
  else unreadable.push({ row, count: 1, reason, message });
}

/** Members of a row that mean something. */
const rowFields: ReadonlySet<string> = new Set([
  ...["machine", "signal", "time", "value", "unit"],
  ...["state", "reason", "severity", "code", "message"],
]);
const maxIgnored = 20;

/** Others are stored nowhere, which whoever mistyped one should learn. */
function noteIgnored(ignored: Set<string>, fields: Record<string, unknown>): void {
  for (const name in fields) if (!rowFields.has(name) && ignored.size < maxIgnored) ignored.add(name.slice(0, 80));
}

/** What an answer says of them: nothing if there are none. */
export const ignoredMember = (ignored: ReadonlySet<string>): { ignored_fields?: string[] } =>
  ignored.size > 0 ? { ignored_fields: [...ignored] } : {};

type Fault = { reason: Reason; message: string };
const notARow = (what: unknown): Fault => ({
  reason: "REQUEST_INVALID",
  message: what instanceof UnreadableText ? what.message : "a row is an object",
});

const relativeTime: Fault = {
  reason: "TIME_INVALID",
  message: "time: must not be relative to now where the same rows may be sent again",
};

function addRow(
  drafts: Map<string, Draft>,
  fields: Record<string, unknown>,
  { row, nowUs, signal: defaultSignal }: RowContext & { row: number },
): Fault | undefined {
  const { machine, signal = defaultSignal, time } = fields;
  if (typeof machine !== "string") return { reason: "MACHINE_NAME_INVALID", message: "machine: a text is required" };
  if (typeof signal !== "string") return { reason: "SIGNAL_NAME_INVALID", message: "signal: a text is required" };
  const written = typeof time === "string" || typeof time === "number" ? String(time) : "";
  if (nowUs === undefined && isRelativeTime(written)) return relativeTime;
  const us = parseTime(written, nowUs ?? 0n);
  if (us === undefined) return { reason: "TIME_INVALID", message: `time: expected ${timeForms}` };

  let draft = drafts.get(machine);
  if (!draft) {
    draft = {
      machine,
      rows: [],
      states: { records: [], rows: [] },
      errors: { records: [], rows: [] },
      columns: new Map(),
    };
    drafts.set(machine, draft);
  }
  draft.rows.push(row);
  if (signal === "state") {
    const state = fromWord(MachineStateSchema, text(fields["state"])) ?? 0;
    draft.states.records.push(
      create(StateChangeSchema, { time: toTimestamp(us), state, reason: text(fields["reason"]) }),
    );
    draft.states.rows.push(row);
  } else if (signal === "error") {
    const { code, message } = fields;
    const severity = fromWord(SeveritySchema, text(fields["severity"])) ?? 0;
    draft.errors.records.push(
      create(ErrorReportSchema, { time: toTimestamp(us), severity, code: text(code), message: text(message) }),
    );
    draft.errors.rows.push(row);
  } else {
    const unit = text(fields["unit"]);
    const key = `${signal} ${unit}`;
    const column = draft.columns.get(key) ?? { signal, unit, timesUs: [], values: [], rows: [] };
    draft.columns.set(key, column);
    column.timesUs.push(Number(us));
    column.values.push(numberOf(fields["value"]));
    column.rows.push(row);
  }
  return undefined;
}

function toRowBatch({ machine, rows, states, errors, columns }: Draft): RowBatch {
  const samples = Array.from(columns.values(), ({ signal, unit, timesUs, values }) =>
    toSamples(
      { signal, unit, maxGapUs: undefined },
      { timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) },
    ),
  );
  const columnRows = [...columns.values()].map((column) => column.rows);
  return {
    batch: create(BatchSchema, { machine, stateChanges: states.records, errorReports: errors.records, samples }),
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

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof UnreadableText);

/** What is no text becomes one that the accessor refuses where it must not be empty. */
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/**
 * As protobuf's JSON: numbers, and NaN and infinities as text; anything else is not a number, which
 * the accessor refuses.
 */
function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  if (value === "Infinity" || value === "-Infinity") return Number(value);
  return Number.NaN;
}
