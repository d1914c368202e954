// Lines of CSV (RFC 4180) as rows. Fields in quotes may hold line ends.

import { type CsvFormat, checkHeader } from "./csv-header.ts";
import { type CsvRecord, CsvRecords, maxWideFields } from "./csv-record.ts";
import { isEitherNotation } from "./decimal-text.ts";
import { type Delimiter, recogniseDelimiter, sepLine } from "./delimiter.ts";
import { fieldNames } from "./fields.ts";
import type { LineRow } from "./json-rows.ts";
import { type RowFault, rowFault } from "./row-record.ts";
import type { Line } from "./text-lines.ts";
import { BadText, UnreadableText } from "./unreadable.ts";

/** Texts for people: a blank at either end may be intended. */
const asWritten: ReadonlySet<string> = new Set(["reason", "code", "message"]);

/** What the header line shows. */
export type CsvFound = {
  readonly delimiter: Delimiter;
  readonly byteOrderMark: boolean;
  readonly lineEnd: "LF" | "CRLF";
  readonly columns: readonly string[];
};

export type CsvRows = {
  /** The row that a line ends; undefined if its record continues, or the line is blank. */
  read(line: Line): LineRow | undefined;
  /** A record that is still open after the last line. */
  end(): LineRow | undefined;
  /** Undefined until the header is read. */
  found(): CsvFound | undefined;
};

const eitherNumber: RowFault = rowFault(
  "VALUE_NOT_FINITE",
  "value: a number with a point in a file with semicolons, which may be 1.234 or 1234: declare decimal=comma or decimal=point (producer flag: --decimal)",
);

/**
 * Turns lines into rows; the first record names the columns, in any order. An empty field counts as
 * absent. Blanks around a field without quotes are not part of it, except in texts for people.
 * `read` and `end` throw BadText for an invalid header.
 *
 * With a mapping, a row has the columns by the names in the header.
 */
export function createCsvRows(format: CsvFormat = {}): CsvRows {
  const { mapping } = format;
  let records: CsvRecords | undefined;
  let found: CsvFound | undefined;
  let columns: string[] | undefined;
  let trimmed: boolean[] = [];
  let numeric: number[] = [];
  let byteOrderMark = false;

  /** Undefined for a line that only declares the delimiter. */
  function begin(text: string, byteOrderMark: boolean): CsvRecords | undefined {
    const { delimiter } = format;
    const declared = sepLine(text);
    if (declared !== undefined) {
      format = { ...format, delimiter: delimiter ?? declared };
      return undefined;
    }
    const isKnown = (name: string) =>
      mapping ? mapping.targetOf(name) !== undefined : fieldNames.includes(name.toLowerCase());
    const isJson = /^\s*[[{]/.test(text);
    const chosen = delimiter ?? (isJson ? "," : recogniseDelimiter(text, isKnown));
    found = {
      delimiter: chosen,
      byteOrderMark,
      lineEnd: text.endsWith("\r") ? "CRLF" : "LF",
      columns: [],
    };
    records = new CsvRecords({ delimiter: chosen, ...(mapping && { most: maxWideFields }) });
    return records;
  }

  function toRow(record: CsvRecord): LineRow | undefined {
    const { line, lines, fields, quoted, fault } = record;
    if (columns === undefined) {
      if (fields === undefined) throw new BadText("header", fault!);
      columns = checkHeader(fields, { ...format, delimiter: found!.delimiter });
      found = { ...found!, columns };
      const fieldsOf = columns.map((name) => {
        const target = mapping?.targetOf(name);
        if (mapping === undefined) return name;
        return target?.kind === "field" ? target.field : target?.kind === "sample" ? "value" : "";
      });
      trimmed = fieldsOf.map((name) => !asWritten.has(name));
      // Semicolons come with decimal commas, and "1.234" may then be 1234.
      if (found.delimiter === ";" && format.decimal === undefined)
        numeric = fieldsOf.flatMap((name, i) => (name === "value" ? [i] : []));
      return undefined;
    }
    if (fields === undefined) return { line, row: new UnreadableText(fault!, lines) };
    if (fields.length !== columns.length) {
      const counts = `${fields.length} fields, but the header names ${columns.length}`;
      return { line, row: new UnreadableText(counts, lines) };
    }
    for (const i of numeric)
      if (isEitherNotation(fields[i]!.trim())) return { line, row: eitherNumber };
    const row: Record<string, unknown> = {};
    for (let i = 0; i < columns.length; i++) {
      const field = trimmed[i] && !quoted?.has(i) ? fields[i]!.trim() : fields[i]!;
      if (field !== "") row[columns[i]!] = field;
    }
    return { line, row };
  }

  return {
    read({ number, text: raw }) {
      const hasMark = number === 1 && raw !== undefined && raw.charCodeAt(0) === 0xfeff;
      if (hasMark) byteOrderMark = true;
      const text = hasMark ? raw.slice(1) : raw;
      const begun =
        records ?? (isBlank(text ?? "x") ? undefined : begin(text ?? "", byteOrderMark));
      if (begun === undefined) return undefined;
      if (text === undefined) return toRow(begun.skip(number));
      const record = begun.take(number, text);
      if (record === undefined || (record.lines === 1 && isBlank(text))) return undefined;
      return toRow(record);
    },
    end() {
      const left = records?.end();
      return left && toRow(left);
    },
    found: () => (columns ? found : undefined),
  };
}

// A row begins with a letter or a digit, so the first character decides for most lines.
const isBlank = (text: string): boolean =>
  text.charCodeAt(0) <= 32 || text === "" ? text.trim() === "" : false;
