// Gathers the fields of lines into batches, one for each machine, and remembers which line each
// record came from.
import { create } from "@bufbuild/protobuf";
import { RecordKind, type Verdict } from "#gen/millrace/v1/ingest_service_pb.ts";
import {
  type Batch,
  BatchSchema,
  Duplicates,
  type ErrorReport,
  ErrorReportSchema,
  type MachineState,
  type Severity,
  type StateChange,
  StateChangeSchema,
} from "#gen/millrace/v1/signal_pb.ts";
import { toTimestamp } from "../../codec/timestamps.ts";
import { toSamples } from "../../codec/wire/samples.ts";

type Column = {
  signal: string;
  unit: string;
  timesUs: number[];
  values: number[];
  lines: number[];
};

type Draft = {
  machine: string;
  columns: Column[];
  states: { records: StateChange[]; lines: number[] };
  errors: { records: ErrorReport[]; lines: number[] };
};

/** A batch, and the lines that a verdict on it is about. */
export type LineBatch = { batch: Batch; linesOf: (verdict: Verdict) => number[]; lines: number[] };

/** Where the samples of a field go; the column of the chunk that it was last used in. */
export type ColumnSlot = {
  readonly machine: string;
  readonly signal: string;
  readonly unit: string;
  chunk?: LineChunk;
  column?: Column;
};

export class LineChunk {
  readonly #drafts = new Map<string, Draft>();
  #records = 0;
  #characters = 0;

  get records(): number {
    return this.#records;
  }

  /** Of texts. */
  get characters(): number {
    return this.#characters;
  }

  addSample(
    slot: ColumnSlot,
    { timeUs, value, line }: { timeUs: number; value: number; line: number },
  ): void {
    if (slot.chunk !== this) {
      slot.chunk = this;
      slot.column = this.#columnOf(slot);
    }
    const { timesUs, values, lines } = slot.column!;
    timesUs.push(timeUs);
    values.push(value);
    lines.push(line);
    this.#records++;
  }

  addState(
    machine: string,
    {
      timeUs,
      state,
      reason,
      line,
    }: { timeUs: number; state: MachineState; reason: string; line: number },
  ): void {
    const { states } = this.#draftOf(machine);
    states.records.push(create(StateChangeSchema, { time: toTimestamp(timeUs), state, reason }));
    states.lines.push(line);
    this.#records++;
    this.#characters += reason.length;
  }

  addError(
    machine: string,
    error: { timeUs: number; severity: Severity; code: string; message: string; line: number },
  ): void {
    const { timeUs, severity, code, message, line } = error;
    const { errors } = this.#draftOf(machine);
    errors.records.push(
      create(ErrorReportSchema, { time: toTimestamp(timeUs), severity, code, message }),
    );
    errors.lines.push(line);
    this.#records++;
    this.#characters += code.length + message.length;
  }

  /** In the order in which machines first appear. Equal records count once (see Duplicates). */
  batches(): LineBatch[] {
    return [...this.#drafts.values()].map(({ machine, columns, states, errors }) => ({
      batch: create(BatchSchema, {
        machine,
        eventDuplicates: Duplicates.DROP,
        stateChanges: states.records,
        errorReports: errors.records,
        samples: columns.map(({ signal, unit, timesUs, values }) =>
          toSamples(
            { signal, unit, maxGapUs: undefined, duplicates: Duplicates.DROP },
            { timesUs: Float64Array.from(timesUs), values: Float64Array.from(values) },
          ),
        ),
      }),
      linesOf: ({ kind, column, first, count }) =>
        (kind === RecordKind.STATE_CHANGE
          ? states.lines
          : kind === RecordKind.ERROR_REPORT
            ? errors.lines
            : (columns[column]?.lines ?? [])
        ).slice(first, first + count),
      lines: [...columns.map(({ lines }) => lines), states.lines, errors.lines].flat(),
    }));
  }

  #draftOf(machine: string): Draft {
    let draft = this.#drafts.get(machine);
    if (draft === undefined) {
      draft = {
        machine,
        columns: [],
        states: { records: [], lines: [] },
        errors: { records: [], lines: [] },
      };
      this.#drafts.set(machine, draft);
    }
    return draft;
  }

  #columnOf({ machine, signal, unit }: ColumnSlot): Column {
    const { columns } = this.#draftOf(machine);
    let column = columns.find((one) => one.signal === signal && one.unit === unit);
    if (column === undefined) {
      column = { signal, unit, timesUs: [], values: [], lines: [] };
      columns.push(column);
    }
    return column;
  }
}
