// Lines of CSV (RFC 4180) as rows. Fields in quotes may hold line ends.
import { invalidField } from "../errors.ts";
import { UnreadableText } from "./post-rows.ts";
import type { Line } from "./text-lines.ts";

const known = ["machine", "signal", "time", "value", "unit", "state", "reason", "severity", "code", "message"];
/** A record in quotes that goes on for longer has lost a quote. */
const maxRecordCharacters = 1024 * 1024;

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Turns lines into rows; the first record names the columns. `read` gives a row, or undefined where a record goes on or is empty. */
export function createCsvReader(): {
  read(line: Line): { line: number; row: unknown } | undefined;
  end(): { line: number; row: unknown } | undefined;
} {
  let columns: string[] | undefined;
  let open: { line: number; text: string } | undefined;

  function toRow(fields: string[]): unknown {
    if (fields.length !== columns!.length) {
      return new UnreadableText(`${fields.length} fields where the header names ${columns!.length}`);
    }
    const row: Record<string, unknown> = {};
    for (const [i, name] of columns!.entries()) {
      const field = fields[i]!;
      // What is empty was not said; "value" decides by itself what it can take.
      if (field !== "") row[name] = name === "value" && decimal.test(field) ? Number(field) : field;
    }
    return row;
  }

  return {
    read({ number, text }) {
      if (text === undefined) {
        open = undefined;
        return { line: number, row: new UnreadableText("the line is longer than 1 MiB") };
      }
      const line = open?.line ?? number;
      const whole = open ? `${open.text}\n${text}` : number === 1 ? text.replace(/^\uFEFF/, "") : text;
      const fields = splitRecord(whole);
      if (fields === "open" && whole.length <= maxRecordCharacters) {
        open = { line, text: whole };
        return undefined;
      }
      open = undefined;
      if (typeof fields === "string")
        return { line, row: new UnreadableText("a field in quotes does not end as it should") };
      if (whole === "") return undefined;
      if (columns) return { line, row: toRow(fields) };
      columns = readHeader(fields);
      return undefined;
    },
    end() {
      const left = open;
      open = undefined;
      return left && { line: left.line, row: new UnreadableText("a field in quotes does not end") };
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

/** The fields of a record; "open" if a quote is not closed yet, "broken" if something follows one that is. */
function splitRecord(text: string): string[] | "open" | "broken" {
  if (!text.includes('"')) return text.split(",");
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] !== '"') {
      const end = text.indexOf(",", at);
      fields.push(text.slice(at, end < 0 ? text.length : end));
      if (end < 0) return fields;
      at = end + 1;
      continue;
    }
    let field = "";
    for (at++; ; at++) {
      const quote = text.indexOf('"', at);
      if (quote < 0) return "open";
      field += text.slice(at, quote);
      at = quote + 1;
      if (text[at] !== '"') break;
      field += '"';
    }
    fields.push(field);
    if (at === text.length) return fields;
    if (text[at] !== ",") return "broken";
    at++;
  }
}
