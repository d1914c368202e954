// Reads a file piece by piece: lines, and from these records. Never the whole file at once.

import { CsvRecords } from "../../../codec/row/csv-record.ts";
import type { Delimiter } from "../../../codec/row/delimiter.ts";

/** A line that is longer is skipped, as the gateway does. */
const maxLineCharacters = 1024 * 1024;

export type FileLine = {
  /** From 1. */
  readonly number: number;
  /** Undefined: it is too long. */
  readonly text: string | undefined;
  /** How many bytes of the file have been read with it. */
  readonly bytes: number;
};

export async function* linesOf(
  stream: ReadableStream<Uint8Array>,
  abort?: AbortSignal,
): AsyncGenerator<FileLine, void, undefined> {
  // Bytes that are not UTF-8 become U+FFFD here; the gateway refuses them by name.
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let [rest, number, bytes, tooLong] = ["", 0, 0, false];
  const line = (text: string): FileLine => {
    number += 1;
    const isKept = !tooLong && text.length <= maxLineCharacters;
    tooLong = false;
    return { number, text: isKept ? text : undefined, bytes };
  };
  try {
    for (;;) {
      abort?.throwIfAborted();
      const { done, value } = await reader.read();
      if (!done) bytes += value.length;
      rest += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const parts = rest.split("\n");
      rest = parts.pop()!;
      for (const part of parts) yield line(part);
      if (rest.length > maxLineCharacters) {
        rest = "";
        tooLong = true;
      }
      if (!done) continue;
      if (rest !== "" || tooLong) yield line(rest);
      return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

export type FileRecord = {
  readonly line: number;
  /** Undefined: it cannot be read; `fault` says why. */
  readonly fields: readonly string[] | undefined;
  readonly fault?: string;
  readonly bytes: number;
};

/** The records of a CSV file, its header included. Blank lines are left out. */
export async function* csvRecordsOf(
  lines: AsyncIterable<FileLine>,
  delimiter: Delimiter,
): AsyncGenerator<FileRecord, void, undefined> {
  const records = new CsvRecords({ delimiter });
  let bytes = 0;
  for await (const { number, text, bytes: read } of lines) {
    bytes = read;
    const clean = number === 1 ? text?.replace(/^\uFEFF/, "") : text;
    const record = clean === undefined ? records.skip(number) : records.take(number, clean);
    if (record === undefined || (record.lines === 1 && clean?.trim() === "")) continue;
    const { line, fields, fault } = record;
    yield { line, fields, bytes, ...(fault === undefined ? {} : { fault }) };
  }
  const left = records.end();
  if (left !== undefined) yield { line: left.line, fields: undefined, fault: left.fault!, bytes };
}
