// Verdicts on batches that were made of rows, as verdicts on the rows.
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import type { BatchResult } from "#gen/millrace/v1/ingest_service_pb.ts";
import type { RowBatch, UnreadableRow } from "./post-rows.ts";
import { toWord } from "./words.ts";

export type RowVerdict = {
  row: number;
  /** How many rows or lines from `row` on; 1 if not said. */
  count?: number;
  reason: string | number;
  retryable: boolean;
  message: string;
};

/** One for each row that was not stored, ascending. */
export function rowVerdicts(
  sent: readonly { rows: RowBatch; result: BatchResult }[],
  unreadable: readonly UnreadableRow[],
): RowVerdict[] {
  const verdicts: RowVerdict[] = [];
  for (const { row, reason, message } of unreadable) verdicts.push({ row, reason, retryable: false, message });
  for (const { rows, result } of sent) {
    const { refusal } = result;
    if (refusal) {
      const reason = toWord(ErrorReasonSchema, refusal.reason);
      for (const row of rows.rows) verdicts.push({ row, reason, retryable: false, message: refusal.message });
    }
    for (const verdict of result.verdicts) {
      const { retryable, message } = verdict;
      const reason = toWord(ErrorReasonSchema, verdict.reason);
      for (const row of rows.rowsOf(verdict)) verdicts.push({ row, reason, retryable, message });
    }
  }
  return verdicts.sort((a, b) => a.row - b.row);
}

/** Neighbours with the same verdict as one: `row` is the first, `count` how many from there on. */
export function joinVerdicts(verdicts: readonly RowVerdict[]): (RowVerdict & { count: number })[] {
  const joined: (RowVerdict & { count: number })[] = [];
  for (const verdict of verdicts) {
    const { count = 1 } = verdict;
    const last = joined.at(-1);
    const follows = last && last.row + last.count === verdict.row;
    if (follows && last.reason === verdict.reason && last.message === verdict.message) last.count += count;
    else joined.push({ ...verdict, count });
  }
  return joined;
}
