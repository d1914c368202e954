// A file as rows to send: CSV by its mapping, NDJSON as it is.

import type { Delimiter } from "../../../codec/row/delimiter.ts";
import { type FileMapping, mapRecord } from "./map-record.ts";
import { csvRecordsOf, type FileLine, linesOf } from "./read-records.ts";
import type { UploadItem } from "./upload.ts";

export type FileForm =
  | { readonly kind: "ndjson" }
  | { readonly kind: "csv"; readonly delimiter: Delimiter; readonly mapping: FileMapping };

export async function* itemsOf(
  file: Blob,
  form: FileForm,
  abort?: AbortSignal,
): AsyncGenerator<UploadItem, void, undefined> {
  const lines = linesOf(file.stream(), abort);
  if (form.kind === "ndjson") {
    for await (const line of lines) {
      const item = jsonItem(line);
      if (item !== undefined) yield item;
    }
    return;
  }
  let isHeader = true;
  for await (const { line, fields, fault, bytes } of csvRecordsOf(lines, form.delimiter)) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    const mapped =
      fields === undefined ? { rows: [], fault: fault! } : mapRecord(fields, form.mapping);
    if (mapped.fault !== undefined)
      yield { kind: "bad", bad: { line, reason: mapped.fault }, bytes };
    else yield { kind: "rows", rows: mapped.rows.map((row) => ({ line, row })), bytes };
  }
}

function jsonItem({ number, text, bytes }: FileLine): UploadItem | undefined {
  if (text === undefined)
    return { kind: "bad", bad: { line: number, reason: "the line is longer than 1 MiB" }, bytes };
  if (text.trim() === "") return undefined;
  return { kind: "rows", rows: [{ line: number, row: text.trim() }], bytes };
}
