// Finds the intact parts of a segment file: its runs of records in sequence, and the damage between
// them. Pure.
import {
  parseRecord,
  parseSegmentHeader,
  recordHeaderBytes,
  type SpoolRecord,
  segmentHeaderBytes,
} from "./format.ts";

/**
 * Consecutive records and where they are. Indexes of a run's arrays count from its first sequence.
 */
export type Run = {
  firstSequence: number;
  /** Where each record begins in the file; one more entry for the end of the last. */
  offsets: number[];
  records: number[];
  firstMs: number;
  lastMs: number;
  /** Highest syncedThrough seen. */
  syncedThrough: number;
};

export type Scan = {
  runs: Run[];
  headerValid: boolean;
  /** Where the bytes at the file's end begin that are not a record; undefined if there are none. */
  tailAt: number | undefined;
};

/** Scans a file whose name says `firstSequence`. */
export function scanSegment(file: Buffer, firstSequence: number): Scan {
  const headerValid = parseSegmentHeader(file) === firstSequence;
  const runs: Run[] = [];
  let run: Run | undefined;
  let expected = firstSequence;
  let at = Math.min(segmentHeaderBytes, file.length);
  let tailAt: number | undefined;
  while (at < file.length) {
    const exact = parseRecord(file, at, { minSequence: expected, maxSequence: expected });
    const found = exact ? { at, record: exact } : searchRecord(file, at, expected);
    if (!found) {
      tailAt = at;
      break;
    }
    const { record } = found;
    const end = found.at + recordHeaderBytes + record.bytes.length;
    // A run is one contiguous piece, so that it can be copied as one.
    if (run === undefined || !exact) {
      run = newRun(record, found.at);
      runs.push(run);
    }
    run.offsets.push(end);
    run.records.push(record.records);
    run.lastMs = record.timeMs;
    run.syncedThrough = Math.max(run.syncedThrough, record.syncedThrough);
    expected = record.sequence + 1;
    at = end;
  }
  return { runs, headerValid, tailAt };
}

/**
 * The next intact record after damage. Its sequence can skip no more records than would have fitted
 * in between.
 */
function searchRecord(
  file: Buffer,
  from: number,
  expected: number,
): { at: number; record: SpoolRecord } | undefined {
  for (let at = from; at + recordHeaderBytes <= file.length; at++) {
    const maxSequence = expected + Math.floor((at - from) / recordHeaderBytes);
    const record = parseRecord(file, at, { minSequence: expected, maxSequence });
    if (record) return { at, record };
  }
  return undefined;
}

function newRun({ sequence, timeMs, syncedThrough }: SpoolRecord, at: number): Run {
  return {
    firstSequence: sequence,
    offsets: [at],
    records: [],
    firstMs: timeMs,
    lastMs: timeMs,
    syncedThrough,
  };
}

export function lastSequenceOf({
  firstSequence,
  records,
}: Pick<Run, "firstSequence" | "records">): number {
  return firstSequence + records.length - 1;
}
