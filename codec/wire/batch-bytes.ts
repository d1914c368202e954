// How many bytes a batch comes to as protobuf, at most, and how to cut one that comes to more than
// a message holds.
import { create } from "@bufbuild/protobuf";
import { type Batch, BatchSchema, type Samples } from "#gen/millrace/v1/signal_pb.ts";
import { columnFields } from "./column-message.ts";
import { countSamples } from "./samples.ts";

/**
 * Tag and length of a field that holds a message, and what times and numbers of a record or column
 * take.
 */
const frameBytes = 48;
/** A value takes 8, a delta 10 at most. */
const bytesAtTime = { grid: 8, deltas: 18 };

/** What a column comes to at most, with the longest names that there may be. */
export const maxColumnBytes = (count: number): number => 400 + bytesAtTime.deltas * count;

/** An upper bound, close where texts or samples make up most of it. */
export function batchBytes({ machine, stateChanges, errorReports, samples }: Batch): number {
  let bytes = frameBytes + Buffer.byteLength(machine);
  for (const change of stateChanges) bytes += stateChangeBytes(change);
  for (const report of errorReports) bytes += errorReportBytes(report);
  for (const column of samples) bytes += columnBytes(column);
  return bytes;
}

export const stateChangeBytes = ({ reason }: { reason: string }): number =>
  frameBytes + Buffer.byteLength(reason);

export const errorReportBytes = ({ code, message }: { code: string; message: string }): number =>
  frameBytes + Buffer.byteLength(code) + Buffer.byteLength(message);

function columnBytes(column: Samples): number {
  const onGrid = columnFields(column)?.spacing !== undefined;
  const each = onGrid ? bytesAtTime.grid : bytesAtTime.deltas;
  return (
    frameBytes +
    Buffer.byteLength(column.signal) +
    Buffer.byteLength(column.unit) +
    each * countSamples(column)
  );
}

/**
 * A batch in parts of at most maxBytes each, or of a record or column alone that has more; joined
 * again they are the batch. A column stays whole: it has 1.2 MB at most, since a batch has 65,536
 * samples.
 */
export function* splitBatch(batch: Batch, maxBytes: number): Generator<Batch, void, undefined> {
  const { machine } = batch;
  const empty = frameBytes + Buffer.byteLength(machine);
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

/** The parts of one batch as one again. */
export function joinBatches([first, ...rest]: readonly [Batch, ...Batch[]]): Batch {
  const joined = create(BatchSchema, { machine: first.machine });
  for (const { stateChanges, errorReports, samples } of [first, ...rest]) {
    for (const change of stateChanges) joined.stateChanges.push(change);
    for (const report of errorReports) joined.errorReports.push(report);
    for (const column of samples) joined.samples.push(column);
  }
  return joined;
}
