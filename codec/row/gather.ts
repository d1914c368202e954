// Gathers single records into batches, one batch per machine, within bounds. No I/O and no clock.
import { create } from "@bufbuild/protobuf";
import { type Batch, BatchSchema } from "#gen/millrace/v1/signal_pb.ts";
import { toErrorReport, toStateChange } from "../wire/events.ts";
import { type Declaration, toSamples } from "../wire/samples.ts";
import { declaringFirst, UploadDeclarations } from "./declaring.ts";
import type { RowDeclaration, RowRecord } from "./row-record.ts";

export type GatherOptions = {
  /** Most records in a batch; default 10,000. */
  maxRecords?: number;
  /** About how large a batch may be on the wire; default 512 KiB, half of what accessors take. */
  maxBytes?: number;
  /** Most records to hold for all machines together; default 100,000. */
  maxHeld?: number;
};

/** Takes records and returns the batches that are full. */
export interface Gather {
  /**
   * Adds a record and returns the batches to send: none, that of its machine, or all when too much
   * is held.
   */
  add(record: RowRecord): Batch[];
  /**
   * Remembers the declaration of a row that is not a record: it applies to the records of its
   * signal.
   */
  declare(declaration: RowDeclaration): void;
  /** Takes everything that is held. */
  takeAll(): Batch[];
}

type Column = Declaration & { timesUs: number[]; values: number[] };
type Held = { batch: Batch; columns: Map<string, Column>; records: number; bytes: number };

export function createGather(options: GatherOptions = {}): Gather {
  const { maxRecords = 10_000, maxBytes = 512 * 1024, maxHeld = 100_000 } = options;
  const machines = new Map<string, Held>();
  const declared = new UploadDeclarations();
  let heldRecords = 0;

  function take(machine: string, { batch, columns, records }: Held): Batch {
    machines.delete(machine);
    heldRecords -= records;
    const all = declaringFirst([...columns.values()]);
    const missing = declared
      .missing(machine, all)
      .map((declaration) => ({ ...declaration, timesUs: [], values: [] }));
    batch.samples = [...all, ...missing].map(({ timesUs, values, ...declaration }) =>
      toSamples(declaration, {
        timesUs: Float64Array.from(timesUs),
        values: Float64Array.from(values),
      }),
    );
    return batch;
  }

  const takeAll = () => [...machines].map(([machine, held]) => take(machine, held));

  function add(record: RowRecord): Batch[] {
    const { machine } = record;
    let held = machines.get(machine);
    if (!held) {
      held = { batch: create(BatchSchema, { machine }), columns: new Map(), records: 0, bytes: 0 };
      machines.set(machine, held);
    }
    held.bytes += put(record, held, declared);
    held.records++;
    heldRecords++;
    if (heldRecords >= maxHeld) return takeAll();
    return held.records >= maxRecords || held.bytes >= maxBytes ? [take(machine, held)] : [];
  }

  const declare = (declaration: RowDeclaration) => declared.note(declaration.machine, declaration);

  return { add, declare, takeAll };
}

/**
 * Puts a record in its place and returns an estimate of its bytes; a character takes at most three.
 */
function put(record: RowRecord, { batch, columns }: Held, declared: UploadDeclarations): number {
  if (record.kind !== "value") batch.eventDuplicates ||= record.duplicates ?? 0;
  if (record.kind === "state") {
    batch.stateChanges.push(toStateChange(record));
    return 24 + 3 * record.reason.length;
  }
  if (record.kind === "error") {
    batch.errorReports.push(toErrorReport(record));
    return 24 + 3 * (record.code.length + record.message.length);
  }
  const { signal, unit, maxGapUs, sampleType, duplicates, timeUs, value } = record;
  const key = `${signal} ${maxGapUs ?? ""} ${sampleType ?? ""} ${duplicates ?? ""} ${unit}`;
  let column = columns.get(key);
  if (!column) {
    column = { signal, unit, maxGapUs, sampleType, duplicates, timesUs: [], values: [] };
    columns.set(key, column);
    declared.note(record.machine, column);
  }
  column.timesUs.push(timeUs);
  column.values.push(value);
  return 16;
}
