// An upper bound on a batch's bytes as protobuf, and how to split a batch that is too large for one
// message.
import { create } from "@bufbuild/protobuf";
import { type Batch, BatchSchema, type Samples } from "#gen/millrace/v1/signal_pb.ts";
import { columnFields } from "./column-message.ts";
import { countSamples } from "./samples.ts";
import { utf8Length } from "./utf8-length.ts";

/** Tag and length of a message field, plus the times and numbers of a record or column. */
const frameBytes = 48;
/** A value takes 8 bytes, a delta at most 10. */
const bytesAtTime = { grid: 8, deltas: 18 };

/** The most bytes that a column can take, with the longest names allowed. */
export const maxColumnBytes = (count: number): number => 400 + bytesAtTime.deltas * count;

/** An upper bound, close if texts or samples are most of the batch. */
export function batchBytes({ machine, stateChanges, errorReports, samples }: Batch): number {
  let bytes = frameBytes + utf8Length(machine);
  for (const change of stateChanges) bytes += stateChangeBytes(change);
  for (const report of errorReports) bytes += errorReportBytes(report);
  for (const column of samples) bytes += columnBytes(column);
  return bytes;
}

export const stateChangeBytes = ({ reason }: { reason: string }): number =>
  frameBytes + utf8Length(reason);

export const errorReportBytes = ({ code, message }: { code: string; message: string }): number =>
  frameBytes + utf8Length(code) + utf8Length(message);

function columnBytes(column: Samples): number {
  const onGrid = columnFields(column)?.spacing !== undefined;
  const each = onGrid ? bytesAtTime.grid : bytesAtTime.deltas;
  return (
    frameBytes + utf8Length(column.signal) + utf8Length(column.unit) + each * countSamples(column)
  );
}

/**
 * Splits a batch into parts of at most maxBytes each; a record or column that is larger is a part
 * of its own. Joined again, the parts are the batch. A column stays whole: it has at most 1.2 MB,
 * since a batch has at most 65,536 samples.
 */
export function* splitBatch(batch: Batch, maxBytes: number): Generator<Batch, void, undefined> {
  const { machine } = batch;
  const empty = frameBytes + utf8Length(machine);
  let part = create(BatchSchema, { machine });
  let bytes = empty;
  const roomFor = (more: number): Batch | undefined => {
    const full = bytes > empty && bytes + more > maxBytes ? part : undefined;
    if (full !== undefined) {
      part = create(BatchSchema, { machine });
      bytes = empty;
    }
    bytes += more;
    return full;
  };
  for (const change of batch.stateChanges) {
    const full = roomFor(stateChangeBytes(change));
    if (full !== undefined) yield full;
    part.stateChanges.push(change);
  }
  for (const report of batch.errorReports) {
    const full = roomFor(errorReportBytes(report));
    if (full !== undefined) yield full;
    part.errorReports.push(report);
  }
  for (const column of batch.samples) {
    const full = roomFor(columnBytes(column));
    if (full !== undefined) yield full;
    part.samples.push(column);
  }
  yield part;
}

/** Joins the parts of one batch. */
export function joinBatches([first, ...rest]: readonly [Batch, ...Batch[]]): Batch {
  const joined = create(BatchSchema, { machine: first.machine });
  for (const { stateChanges, errorReports, samples } of [first, ...rest]) {
    for (const change of stateChanges) joined.stateChanges.push(change);
    for (const report of errorReports) joined.errorReports.push(report);
    for (const column of samples) joined.samples.push(column);
  }
  return joined;
}
