// Many rows of numbers, summaries among them, as one row of arrays: sending and parsing an array
// takes a fraction of the time that its rows take.
import type { Summary } from "../history/summary.ts";

const summaryColumns = [
  "count",
  "sum",
  "min",
  "min_us",
  "max",
  "max_us",
  "first",
  "first_us",
  "last",
  "last_us",
  "integral",
  "covered_us",
];

/** The columns of a summary, as they are named in blocks and roll-ups. */
export function summaryOf(table: string): string {
  return summaryColumns.map((column) => `${table}.${column}`).join(", ");
}

/** The select list: the given columns of a table that also has those of a summary. */
export function inArrays(table: string, columns: readonly string[]): string {
  return [...columns, ...summaryColumns]
    .map((column) => `array_agg(${table}.${column})`)
    .join(", ");
}

/**
 * Reads the arrays of inArrays, in a row from an index on, in no order: the given columns, and each
 * row's summary.
 */
export function fromArrays(
  row: readonly unknown[],
  at: number,
  columns: number,
): { own: number[][]; summaries: Summary[] } {
  if (row[at] === null) return { own: Array.from({ length: columns }, () => []), summaries: [] };
  const values = row.slice(at).map((text) => toNumbers(text as string));
  const [count, sum, min, minUs, max, maxUs, first, firstUs, last, lastUs, integral, coveredUs] =
    values.slice(columns);
  const summaries = count!.map((_, i) => ({
    count: count![i]!,
    sum: { high: sum![i]!, low: 0 },
    min: min![i]!,
    minUs: minUs![i]!,
    max: max![i]!,
    maxUs: maxUs![i]!,
    first: first![i]!,
    firstUs: firstUs![i]!,
    last: last![i]!,
    lastUs: lastUs![i]!,
    integral: { high: integral![i]!, low: 0 },
    coveredUs: coveredUs![i]!,
  }));
  return { own: values.slice(0, columns), summaries };
}

/** "{1,2.5,Infinity}" */
export function toNumbers(text: string): number[] {
  const list = text.slice(1, -1);
  try {
    // Several times as fast as Number on each part, with the same result.
    return JSON.parse(`[${list}]`) as number[];
  } catch {
    return list.split(",").map(Number);
  }
}
