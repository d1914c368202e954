// Lines of CSV (RFC 4180) as rows. Fields in quotes may hold line ends.
import { invalidField } from "../errors.ts";
import { type CsvRecord, CsvRecords } from "./csv-record.ts";
import { UnreadableText } from "./post-rows.ts";
import type { Line } from "./text-lines.ts";

const known = ["machine", "signal", "time", "value", "unit", "state", "reason", "severity", "code", "message"];
// Each digit can be read in one way only: with `\d+\.?\d*`, a long run of digits that is no number
// took a square of its length.
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;

export type CsvRow = { line: number; row: unknown };

/**
 * Turns lines into rows; the first record names the columns. `read` gives a row, or undefined where
 * a record goes on or is empty.
 */
export function createCsvReader(): { read(line: Line): CsvRow | undefined; end(): CsvRow | undefined } {
  const records = new CsvRecords();
  let columns: string[] | undefined;

  function toRow(record: CsvRecord): CsvRow | undefined {
    const { line, lines, fields, fault } = record;
    if (columns === undefined) {
      if (fields === undefined) throw invalidField("header", fault!);
      columns = readHeader(fields);
      return undefined;
    }
    if (fields === undefined) return { line, row: new UnreadableText(fault!, lines) };
    if (fields.length !== columns.length) {
      const counts = `${fields.length} fields, but the header names ${columns.length}`;
      return { line, row: new UnreadableText(counts, lines) };
    }
    const row: Record<string, unknown> = {};
    for (const [i, name] of columns.entries()) {
      const field = fields[i]!;
      // What is empty was not said; "value" decides by itself what it can take.
      if (field !== "") row[name] = name === "value" && decimal.test(field) ? Number(field) : field;
    }
    return { line, row };
  }

  return {
    read({ number, text }) {
      if (text === undefined) return toRow(records.skip(number));
      const record = records.take(number, number === 1 ? text.replace(/^\uFEFF/, "") : text);
      if (record === undefined || (record.lines === 1 && (text === "" || text === "\r"))) return undefined;
      return toRow(record);
    },
    end() {
      const left = records.end();
      return left && toRow(left);
    },
  };
}

function readHeader(fields: string[]): string[] {
  const names = fields.map((field) => field.trim().toLowerCase());
  for (const name of names) {
    if (!known.includes(name))
      throw invalidField(
        "header",
        `unknown column ${JSON.stringify(name.slice(0, 80))}; known are ${known.join(", ")}`,
      );
    if (names.indexOf(name) !== names.lastIndexOf(name)) throw invalidField("header", `${name} stands there twice`);
  }
  for (const name of ["machine", "time"]) {
    if (!names.includes(name))
      throw invalidField("header", `the first line has to name the columns, and ${name} among them`);
  }
  return names;
}
