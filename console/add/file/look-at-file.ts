// A first look at a file: what it is, its columns, and its first records.
import type { Delimiter } from "../../../codec/row/delimiter.ts";
import { type ColumnMapping, delimiterOf, hasDecimalComma, recogniseColumns } from "./columns.ts";
import { csvRecordsOf, linesOf } from "./read-records.ts";

export type FileLook =
  | { readonly kind: "ndjson" }
  | {
      readonly kind: "csv";
      readonly delimiter: Delimiter;
      readonly columns: readonly ColumnMapping[];
      readonly decimalComma: boolean;
    }
  /** It has no line, it is no text, or the browser may not or cannot read it. */
  | { readonly kind: "empty" | "binary" | "unreadable" };

/** So many bytes are enough for a header and some rows. */
const lookBytes = 256 * 1024;
const lookRows = 50;

export async function lookAtFile(file: Blob): Promise<FileLook> {
  try {
    return await look(file);
  } catch {
    return { kind: "unreadable" };
  }
}

async function look(file: Blob): Promise<FileLook> {
  const head = file.slice(0, lookBytes);
  const [first] = await firstOf(linesOf(head.stream()), 1);
  const text = first?.text?.replace(/^\uFEFF/, "").trim() ?? "";
  if (text === "") return { kind: "empty" };
  if (text.includes("\0")) return { kind: "binary" };
  if (text.startsWith("{")) return { kind: "ndjson" };
  const delimiter = delimiterOf(text);
  const records = await firstOf(csvRecordsOf(linesOf(head.stream()), delimiter), lookRows + 1);
  const [header = [], ...rows] = records.flatMap(({ fields }) => (fields ? [fields] : []));
  return {
    kind: "csv",
    delimiter,
    columns: recogniseColumns(header, rows),
    decimalComma: hasDecimalComma(delimiter, rows),
  };
}

async function firstOf<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) {
    found.push(one);
    if (found.length >= count) break;
  }
  return found;
}
