// What the log says of an input: what kind of file it is, and which of its lines are bad.
import { wordOfDelimiter } from "../../codec/row/delimiter.ts";
import type { FoundFormat, SourceRow } from "../../codec/row/source-rows.ts";
import type { Log } from "../../runtime/log.ts";

/** The result of an input: lines that stand for rows, each of which is a record or bad. */
export type InputSummary = { lines: number; records: number; badLines: number };

/** Bad lines that are reported one by one; the others are only counted. */
const maxReports = 100;

/** Counts a bad line, once for all that is wrong with it, and logs it. */
export function createReports(
  log: Log,
  summary: InputSummary,
): (row: SourceRow, reasons: readonly string[]) => void {
  return ({ line, lines }, reasons) => {
    const before = summary.badLines;
    summary.badLines += lines;
    if (before >= maxReports) return;
    for (const reason of reasons) log.warn(`input line ${lineText({ line, lines })}: ${reason}`);
    if (summary.badLines >= maxReports) log.warn("further bad lines are only counted");
  };
}

/** "3", or "3 to 5". */
export const lineText = ({ line, lines }: Pick<SourceRow, "line" | "lines">): string =>
  `${line}${lines > 1 ? ` to ${line + lines - 1}` : ""}`;

/** Says what was recognised of a CSV that is not plain. */
export function reportFound(found: FoundFormat, log: Log): void {
  if (found.kind !== "CSV" || (found.delimiter === "," && !found.byteOrderMark)) return;
  log.info("the input is CSV", foundFields(found));
}

export const foundFields = (found: FoundFormat) =>
  found.kind === "CSV"
    ? {
        delimiter: wordOfDelimiter(found.delimiter),
        byteOrderMark: found.byteOrderMark,
        lineEnd: found.lineEnd,
        columns: found.columns.length,
      }
    : {};
