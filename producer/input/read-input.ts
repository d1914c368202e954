// An input as records: unpacked, read by its format, each row with its records and faults.
import type { Readable } from "node:stream";
import { type FileFormat, toRowContext } from "../../codec/row/file-format.ts";
import { recordsOf } from "../../codec/row/records-of.ts";
import { RowFault, type RowRecord } from "../../codec/row/row-record.ts";
import { type FoundFormat, readRows, type SourceRow } from "../../codec/row/source-rows.ts";
import { unpacked } from "./unpack.ts";

/** A row of the input: what is stored of it, and what is not. */
export type ReadRow = {
  readonly source: SourceRow;
  readonly records: readonly RowRecord[];
  readonly faults: readonly RowFault[];
};

export type ReadInputOptions = {
  format: FileFormat;
  /** Whether times must not be relative to now. */
  repeatable: boolean;
  onFound?: (found: FoundFormat) => void;
};

/**
 * Yields rows as they arrive, with the number of bytes of the source that are read so far. Rejects
 * with BadText for an input that is not made of rows.
 */
export async function* readInput(
  source: Readable,
  { format, repeatable, onFound }: ReadInputOptions,
): AsyncGenerator<{ rows: ReadRow[]; readBytes: number }, void, undefined> {
  let readBytes = 0;
  async function* chunks() {
    for await (const chunk of source) {
      readBytes += chunk.length;
      yield chunk as Uint8Array;
    }
  }
  const context = toRowContext(format, undefined);
  const { machine, signal, delimiter, decimal } = format;
  const { mapping } = context;
  const options = { machine, signal, delimiter, decimal, mapping, ...(onFound && { onFound }) };
  for await (const rows of readRows(unpacked(chunks()), options)) {
    const nowUs = repeatable ? undefined : BigInt(Date.now()) * 1_000n;
    const now = { ...context, nowUs };
    const read = rows.map((row) => split(row, recordsOf(row.row, now)));
    yield { rows: read, readBytes };
  }
}

function split(source: SourceRow, all: readonly (RowRecord | RowFault)[]): ReadRow {
  const records: RowRecord[] = [];
  const faults: RowFault[] = [];
  for (const one of all) {
    if (one instanceof RowFault) faults.push(one);
    else records.push(one);
  }
  return { source, records, faults };
}
