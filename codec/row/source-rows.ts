// Reads a stream of bytes as rows, whether NDJSON, a JSON array or CSV: the first character
// decides.
import { type CsvFound, type CsvRows, createCsvRows } from "./csv-rows.ts";
import type { FileFormat } from "./file-format.ts";
import { JsonArrayRows } from "./json-array.ts";
import { type LineRow, readJsonLine } from "./json-rows.ts";
import type { RowMapping } from "./row-record.ts";
import { type Line, readLines, readTexts } from "./text-lines.ts";
import { UnreadableText } from "./unreadable.ts";

/**
 * `lines`: how many lines of the text it stands for. The row is UnreadableText or RowFault if it
 * cannot be read.
 */
export type SourceRow = LineRow & { lines: number };

/** What was recognised. */
export type FoundFormat = { kind: "NDJSON" } | { kind: "JSON" } | ({ kind: "CSV" } & CsvFound);

export type SourceFormat = Pick<FileFormat, "machine" | "signal" | "delimiter" | "decimal"> & {
  mapping?: RowMapping | undefined;
  onFound?: (found: FoundFormat) => void;
};

/**
 * Yields rows as they arrive, those of a piece of a chunk together. A text that begins with "{" is
 * NDJSON, one that begins with "[" an array, anything else the header of a CSV. Throws BadText.
 */
export async function* readRows(
  chunks: AsyncIterable<Uint8Array>,
  format: SourceFormat = {},
): AsyncGenerator<SourceRow[], void, undefined> {
  const { mapping, onFound } = format;
  const options = { timePaths: mapping && [...mapping.timePaths, "time"] };
  const { first, rest } = await peek(chunks);
  if (first === "[") {
    onFound?.({ kind: "JSON" });
    const array = new JsonArrayRows(options);
    for await (const text of readTexts(rest)) yield array.push(text).flatMap(counted);
    yield array.end().flatMap(counted);
    return;
  }
  let csv: CsvRows | undefined;
  if (first === "{") onFound?.({ kind: "NDJSON" });
  else if (first !== "") csv = createCsvRows(format);
  let isTold = csv === undefined;
  const read = (line: Line): LineRow | undefined =>
    csv ? csv.read(line) : readJsonLine(line, options);
  for await (const lines of readLines(rest)) {
    const rows = lines.flatMap((line) => counted(read(line)));
    const found = isTold ? undefined : csv?.found();
    if (found !== undefined) {
      isTold = true;
      onFound?.({ kind: "CSV", ...found });
    }
    yield rows;
  }
  yield counted(csv?.end());
}

const counted = (read: LineRow | undefined): SourceRow[] =>
  read === undefined
    ? []
    : [{ ...read, lines: read.row instanceof UnreadableText ? read.row.lines : 1 }];

/** The first character that is neither blank nor a byte order mark; "" if there is none. */
async function peek(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ first: string; rest: AsyncIterable<Uint8Array> }> {
  const source = chunks[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  let first = "";
  let ended = false;
  // Blank chunks are kept up to a bound: beyond it, the text is none of JSON.
  let seenBytes = 0;
  while (first === "" && !ended) {
    const { done, value } = await source.next();
    if (done) ended = true;
    else {
      seen.push(value);
      seenBytes += value.length;
      const byte = value.find((one, i) => !isSkipped(one, seen.length === 1 && i < 3));
      if (byte !== undefined) first = String.fromCharCode(byte);
      else if (seenBytes > maxBlankBytes) first = "{";
    }
  }
  async function* rest() {
    try {
      yield* seen;
      while (!ended) {
        const { done, value } = await source.next();
        if (done) return;
        yield value;
      }
    } finally {
      if (!ended) await source.return?.();
    }
  }
  return { first, rest: rest() };
}

const maxBlankBytes = 4 * 1024 * 1024;
const isSkipped = (byte: number, mayBeMark: boolean): boolean =>
  byte === 32 || (byte >= 9 && byte <= 13) || (mayBeMark && [0xef, 0xbb, 0xbf].includes(byte));
