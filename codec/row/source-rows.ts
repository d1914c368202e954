// Reads a stream of bytes as rows, whether NDJSON or CSV: the first line that is not blank decides.
import { type CsvRows, createCsvRows } from "./csv-rows.ts";
import { type LineRow, readJsonLine } from "./json-rows.ts";
import { type Line, readLines } from "./text-lines.ts";
import { UnreadableText } from "./unreadable.ts";

/**
 * `lines`: how many lines of the text it stands for. The row is UnreadableText if it cannot be
 * read.
 */
export type SourceRow = LineRow & { lines: number };

/**
 * Yields rows as they arrive, those of a piece of a chunk together. A text that begins with "{" is
 * NDJSON, anything else the header of a CSV. `signal`: the signal of rows that do not name one.
 * Throws BadText.
 */
export async function* readRows(
  chunks: AsyncIterable<Uint8Array>,
  { signal }: { signal?: string | undefined } = {},
): AsyncGenerator<SourceRow[], void, undefined> {
  let csv: CsvRows | undefined;
  let begun = false;
  const read = (line: Line): LineRow | undefined => {
    if (!begun) {
      const text = line.text?.replace(/^\uFEFF/, "").trimStart();
      if (text === "") return undefined;
      begun = true;
      if (!text?.startsWith("{")) csv = createCsvRows({ signal });
    }
    return csv ? csv.read(line) : readJsonLine(line);
  };
  for await (const lines of readLines(chunks)) yield lines.flatMap((line) => counted(read(line)));
  yield counted(csv?.end());
}

const counted = (read: LineRow | undefined): SourceRow[] =>
  read === undefined
    ? []
    : [{ ...read, lines: read.row instanceof UnreadableText ? read.row.lines : 1 }];
