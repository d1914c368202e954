// Summaries as the columns of a row: of blocks and of hourly roll-ups.
import type { Summary } from "../history/summary.ts";

/** As toSummary takes them. */
export function summaryColumns(table: string): string {
  return [
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
  ]
    .map((column) => `${table}.${column}`)
    .join(", ");
}

/** From the columns that begin at an index. */
export function toSummary(row: readonly unknown[], at: number): Summary {
  const value = (i: number) => row[at + i] as number;
  return {
    count: value(0),
    sum: value(1),
    min: value(2),
    minUs: value(3),
    max: value(4),
    maxUs: value(5),
    first: value(6),
    firstUs: value(7),
    last: value(8),
    lastUs: value(9),
    integral: value(10),
    coveredUs: value(11),
  };
}
