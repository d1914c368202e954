// Lines of CSV (RFC 4180) as rows. Fields in quotes may hold line ends.
import { type CsvRecord, CsvRecords } from "./csv-record.ts";
import { fieldNames, unknownField } from "./fields.ts";
import type { LineRow } from "./json-rows.ts";
import type { Line } from "./text-lines.ts";
import { BadText, UnreadableText } from "./unreadable.ts";

/** Texts for people: a blank at either end may be intended. */
const asWritten: ReadonlySet<string> = new Set(["reason", "code", "message"]);

export type CsvRows = {
  /** The row that a line ends; undefined if its record continues, or the line is blank. */
  read(line: Line): LineRow | undefined;
  /** A record that is still open after the last line. */
  end(): LineRow | undefined;
};

/**
 * Turns lines into rows; the first record names the columns, in any order. An empty field counts as
 * absent. Blanks around a field without quotes are not part of it, except in texts for people.
 * `read` and `end` throw BadText for an invalid header.
 *
 * signal: the signal of rows that do not name one.
 */
export function createCsvRows({ signal }: { signal?: string | undefined } = {}): CsvRows {
  const records = new CsvRecords();
  let columns: string[] | undefined;
  let trimmed: boolean[] = [];

  function toRow(record: CsvRecord): LineRow | undefined {
    const { line, lines, fields, quoted, fault } = record;
    if (columns === undefined) {
      if (fields === undefined) throw new BadText("header", fault!);
      columns = readHeader(fields, signal);
      trimmed = columns.map((name) => !asWritten.has(name));
      return undefined;
    }
    if (fields === undefined) return { line, row: new UnreadableText(fault!, lines) };
    if (fields.length !== columns.length) {
      const counts = `${fields.length} fields, but the header names ${columns.length}`;
      return { line, row: new UnreadableText(counts, lines) };
    }
    const row: Record<string, unknown> = {};
    for (let i = 0; i < columns.length; i++) {
      const field = trimmed[i] && !quoted?.has(i) ? fields[i]!.trim() : fields[i]!;
      if (field !== "") row[columns[i]!] = field;
    }
    return { line, row };
  }

  return {
    read({ number, text }) {
      if (text === undefined) return toRow(records.skip(number));
      const record = records.take(number, number === 1 ? text.replace(/^\uFEFF/, "") : text);
      if (record === undefined || (record.lines === 1 && isBlank(text))) return undefined;
      return toRow(record);
    },
    end() {
      const left = records.end();
      return left && toRow(left);
    },
  };
}

// A row begins with a letter or a digit, so the first character decides for most lines.
const isBlank = (text: string): boolean =>
  text.charCodeAt(0) <= 32 || text === "" ? text.trim() === "" : false;

function readHeader(fields: string[], signal: string | undefined): string[] {
  const names = fields.map((field) => field.trim().toLowerCase());
  const [only = ""] = names;
  for (const [mark, what] of [
    [";", "semicolons"],
    ["\t", "tabs"],
  ] as const) {
    if (names.length === 1 && only.includes(mark))
      throw new BadText("header", `columns are separated by commas, not by ${what}`);
  }
  if (/^[[{]/.test(only)) {
    const how = only.startsWith("[")
      ? ", with one object of the array per line, as jq -c '.[]' writes it"
      : "";
    throw new BadText("header", `this is JSON, not CSV: send it as NDJSON${how}`);
  }
  for (const name of names) {
    if (!fieldNames.includes(name))
      throw new BadText("header", unknownField(name, { of: "a column" }));
    if (names.indexOf(name) !== names.lastIndexOf(name))
      throw new BadText("header", `${name} appears twice`);
  }
  for (const name of ["machine", "time"]) {
    if (!names.includes(name))
      throw new BadText("header", `the first line must name the columns, including ${name}`);
  }
  if (!names.includes("signal") && signal === undefined)
    throw new BadText(
      "header",
      "no column names the signal: add a column signal, or set one for all rows with type=power (--type power)",
    );
  return names;
}
