// The records of a row of any source, or why it has none: the same for every door.
import { readRecord } from "./record.ts";
import { notAnObject, type Row, type RowContext, RowFault, type RowRecord } from "./row-record.ts";
import { UnreadableText } from "./unreadable.ts";

/** A row is one record, or with a mapping of columns any number of them. */
export function recordsOf(row: unknown, context: RowContext): readonly (RowRecord | RowFault)[] {
  if (row instanceof RowFault) return [row];
  if (row instanceof UnreadableText)
    return [new RowFault({ reason: "REQUEST_INVALID", message: row.message })];
  if (typeof row !== "object" || row === null || Array.isArray(row)) return [notAnObject];
  if (context.mapping === undefined) return [readRecord(row as Row, context)];
  return context.mapping
    .rowsOf(row as Row)
    .map((one) => (one instanceof RowFault ? one : readRecord(one, context)));
}
