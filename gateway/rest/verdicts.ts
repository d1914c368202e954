// Converts verdicts on batches that were made from rows to verdicts on the rows, and limits how
// many one answer lists.
import { ErrorReasonSchema } from "#gen/millrace/v1/error_reason_pb.ts";
import type { BatchResult } from "#gen/millrace/v1/ingest_service_pb.ts";
import { toWord } from "../../codec/row/enum-words.ts";
import type { RowBatch, UnreadableRow } from "./post-rows.ts";

type Why = { reason: string | number; retryable: boolean; message: string };
/** A verdict on `count` rows or lines from `row` on. */
export type RowVerdict = Why & { row: number; count: number };

/** One verdict for neighbours that were rejected for the same reason, ascending. */
export function rowVerdicts(
  sent: readonly { rows: RowBatch; result: BatchResult }[],
  unreadable: readonly UnreadableRow[],
): RowVerdict[] {
  const verdicts: RowVerdict[] = [];
  for (const { row, count, reason, message } of unreadable)
    appendVerdict(verdicts, { row, count, reason, retryable: false, message });
  for (const { rows, result } of sent) {
    const { refusal } = result;
    if (refusal) {
      const reason = toWord(ErrorReasonSchema, refusal.reason);
      for (const row of rows.rows)
        appendVerdict(verdicts, {
          row,
          count: 1,
          reason,
          retryable: false,
          message: refusal.message,
        });
    }
    for (const verdict of result.verdicts) {
      const { retryable, message } = verdict;
      const reason = toWord(ErrorReasonSchema, verdict.reason);
      for (const row of rows.rowsOf(verdict))
        appendVerdict(verdicts, { row, count: 1, reason, retryable, message });
    }
  }
  const joined: RowVerdict[] = [];
  for (const verdict of verdicts.sort((a, b) => a.row - b.row)) appendVerdict(joined, verdict);
  return joined;
}

/** Merges neighbours with the same verdict. */
export function appendVerdict(verdicts: RowVerdict[], verdict: RowVerdict): void {
  const last = verdicts.at(-1);
  const follows = last !== undefined && last.row + last.count === verdict.row;
  if (follows && last.reason === verdict.reason && last.message === verdict.message)
    last.count += verdict.count;
  else verdicts.push(verdict);
}

/** Most verdicts that a JSON answer lists; for the rest it gives the number for each reason. */
export const maxVerdicts = 1_000;
const maxMessageCharacters = 256 * 1024;

/** The verdicts of one answer, limited in number. */
export class NamedVerdicts<V extends Why & { count: number }> {
  readonly #named: V[] = [];
  #characters = 0;
  #omitted = 0;
  readonly #omittedByReason = new Map<string, number>();
  readonly #positionOf: ((verdict: V) => number) | undefined;

  /**
   * `positionOf`: the position of a verdict's first row, for verdicts whose neighbours may be added
   * one by one.
   */
  constructor(positionOf?: (verdict: V) => number) {
    this.#positionOf = positionOf;
  }

  add(verdict: V): void {
    const { reason, count, message } = verdict;
    const last = this.#named.at(-1);
    if (this.#omitted === 0 && last !== undefined && this.#follows(last, verdict)) {
      last.count += count;
      return;
    }
    if (
      this.#omitted === 0 &&
      this.#named.length < maxVerdicts &&
      this.#characters + message.length <= maxMessageCharacters
    ) {
      this.#characters += message.length;
      this.#named.push(verdict);
      return;
    }
    this.#omitted++;
    this.#omittedByReason.set(
      String(reason),
      (this.#omittedByReason.get(String(reason)) ?? 0) + count,
    );
  }

  #follows(last: V, verdict: V): boolean {
    if (last.reason !== verdict.reason || last.message !== verdict.message) return false;
    const at = this.#positionOf;
    return at !== undefined && at(last) + last.count === at(verdict);
  }

  members(): {
    verdicts: V[];
    verdicts_omitted?: number;
    omitted_by_reason?: Record<string, number>;
  } {
    const verdicts = this.#named;
    if (this.#omitted === 0) return { verdicts };
    const byReason = Object.fromEntries(this.#omittedByReason);
    return { verdicts, verdicts_omitted: this.#omitted, omitted_by_reason: byReason };
  }
}
