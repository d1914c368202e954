// Lines of text as rows of named fields: NDJSON, or CSV with a header. What the fields mean is
// decided elsewhere.
import { parse as parseCsv } from "csv-parse/sync";
import { BadRow } from "./record.ts";

/** The row of a line, undefined for a line that holds none (blank, or a header). Throws BadRow. */
export type RowReader = (line: string) => Record<string, unknown> | undefined;

const csvColumns = ["machine", "signal", "time", "value", "state", "reason", "severity", "code", "message", "unit"];

/** The header of a CSV is not one. Nothing after it can be read. */
export class BadHeader extends Error {
  override readonly name = "BadHeader";
}

/**
 * A reader that finds out from its first line what it reads: a line that begins with "{" is NDJSON,
 * anything else the header of a CSV. A CSV row is one line, so a stray quote costs one row and not
 * the rest of the file. Throws BadHeader.
 */
export function createRowReader(): RowReader {
  let read: RowReader | undefined;
  return (raw) => {
    const line = read ? raw : raw.replace(/^\ufeff/, "");
    if (line.trim() === "") return undefined;
    if (read) return read(line);
    if (line.trimStart().startsWith("{")) {
      read = readJson;
      return readJson(line);
    }
    read = createCsvReader(line);
    return undefined;
  };
}

function readJson(line: string): Record<string, unknown> {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (error) {
    throw new BadRow(`not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof row !== "object" || row === null || Array.isArray(row)) throw new BadRow("not a JSON object");
  return row as Record<string, unknown>;
}

function createCsvReader(header: string): RowReader {
  const columns = fieldsOf(header, BadHeader).map((name) => name.toLowerCase());
  const unknown = columns.filter((name) => !csvColumns.includes(name));
  const missing = ["machine", "signal", "time"].filter((name) => !columns.includes(name));
  if (unknown.length > 0 || missing.length > 0 || new Set(columns).size < columns.length) {
    const faults = [
      unknown.length > 0 ? `unknown columns ${unknown.map((name) => JSON.stringify(name)).join(", ")}` : "",
      missing.length > 0 ? `missing columns ${missing.join(", ")}` : "",
    ].filter(Boolean);
    const detail = faults.join("; ") || "a column twice";
    throw new BadHeader(`neither NDJSON nor a CSV header of ${csvColumns.join(",")}: ${detail}`);
  }
  return (line) => {
    const fields = fieldsOf(line, BadRow);
    if (fields.length !== columns.length) throw new BadRow(`${fields.length} fields under ${columns.length} columns`);
    return Object.fromEntries(columns.map((name, i) => [name, fields[i]]));
  };
}

/**
 * Fields of a CSV line. Only quotes need a real parser, and setting that up costs more than ten
 * plain lines.
 */
function fieldsOf(line: string, Failure: typeof BadRow | typeof BadHeader): string[] {
  if (!line.includes('"')) return line.split(",").map((field) => field.trim());
  try {
    const [fields = []] = parseCsv(line, { trim: true }) as string[][];
    return fields;
  } catch (error) {
    throw new Failure(`not CSV: ${error instanceof Error ? error.message : error}`);
  }
}
