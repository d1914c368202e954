// The rows of the errors' table: newest first, each once, and no more than a bound.
import type { ErrorRecord } from "../live/messages.ts";

/** Most reports that a table holds. */
export const maxRows = 50_000;

/** The contract gives reports no number of their own: the same report is what looks the same. */
const keyOf = ({ machine, timeUs, severity, code, message }: ErrorRecord): string =>
  `${timeUs}\0${machine}\0${severity}\0${code}\0${message}`;

/**
 * Rows with others at their places. Both are newest first. A report that both have is one row; of
 * more than `most` rows the oldest go.
 */
export function merged(
  rows: readonly ErrorRecord[],
  others: readonly ErrorRecord[],
  most = maxRows,
): readonly ErrorRecord[] {
  if (others.length === 0) return rows;
  // Only this part of the rows can change.
  const start = firstAtOrBefore(rows, others[0]!.timeUs);
  const end = firstAtOrBefore(rows, others.at(-1)!.timeUs - 1);
  const part: ErrorRecord[] = [];
  const known = new Set<string>();
  for (let at = start; at < end; at++) known.add(keyOf(rows[at]!));
  let at = start;
  for (const other of others) {
    if (known.has(keyOf(other))) continue;
    while (at < end && rows[at]!.timeUs > other.timeUs) part.push(rows[at++]!);
    part.push(other);
  }
  while (at < end) part.push(rows[at++]!);
  const all = rows.slice(0, start).concat(part, rows.slice(end));
  return all.length > most ? all.slice(0, most) : all;
}

/** Index of the first row that is not after a time; the number of rows if there is none. */
export function firstAtOrBefore(rows: readonly ErrorRecord[], timeUs: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]!.timeUs > timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows from a time on: those before it have left a range that moves on. */
export function rowsSince(rows: readonly ErrorRecord[], fromUs: number): readonly ErrorRecord[] {
  const end = firstAtOrBefore(rows, fromUs - 1);
  return end === rows.length ? rows : rows.slice(0, end);
}

/** Newest first, as rows are. */
export const newestFirst = (records: readonly ErrorRecord[]): ErrorRecord[] =>
  records.toSorted((a, b) => b.timeUs - a.timeUs);
