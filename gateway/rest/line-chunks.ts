// Reads a body of lines, NDJSON or CSV, as chunks of rows, whose cuts depend only on the body.
import type { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import type { CsvFormat } from "../../codec/row/csv-header.ts";
import { createCsvRows } from "../../codec/row/csv-rows.ts";
import { readJsonLine } from "../../codec/row/json-rows.ts";
import { readLines } from "../../codec/row/text-lines.ts";
import { BadText, UnreadableText } from "../../codec/row/unreadable.ts";
import { HttpProblem } from "../errors/problem.ts";
import { invalidField } from "../errors/reasons.ts";

/**
 * Records and characters of a chunk. The cuts depend only on the body, so that the same body sent
 * again makes the same batches. A chunk's batches are well below the accessor's limits for a batch
 * (65,536 records, 4 MiB).
 */
const chunkRows = 20_000;
const chunkCharacters = 2 * 1024 * 1024;
/**
 * Lines read before others have their turn: they take a few milliseconds, even if none of them is
 * JSON.
 */
const linesInTurn = 500;

export type LineKind = "ndjson" | "csv";

/** How many lines a row spans. */
export const linesOf = (row: unknown): number => (row instanceof UnreadableText ? row.lines : 1);

export type Chunk = { rows: unknown[]; lines: number[] };

/**
 * Yields chunks of rows as the body arrives; other work gets a turn every few milliseconds.
 * `format`: how CSV is written, and what its columns or the members of NDJSON mean.
 */
export async function* readChunks(
  body: Readable,
  { kind, format = {} }: { kind: LineKind; format?: CsvFormat },
): AsyncGenerator<Chunk, void, undefined> {
  const csv = kind === "csv" ? createCsvRows(format) : undefined;
  const { mapping } = format;
  const options = { timePaths: mapping && [...mapping.timePaths, "time"] };
  let chunk: Chunk = { rows: [], lines: [] };
  let characters = 0;
  let records = 0;
  let inTurn = 0;
  try {
    // Destroying the request would close its connection, and with it the answer.
    for await (const lines of readLines(unlessBroken(body.iterator({ destroyOnReturn: false })))) {
      for (const line of lines) {
        if (++inTurn >= linesInTurn) {
          inTurn = 0;
          await nextTurn();
        }
        // The CR of a line end, which is optional, is not counted, so that it does not move the
        // cuts.
        characters +=
          line.text === undefined ? 0 : line.text.length - (line.text.endsWith("\r") ? 1 : 0);
        const read = csv ? csv.read(line) : readJsonLine(line, options);
        if (read) {
          chunk.rows.push(read.row);
          chunk.lines.push(read.line);
          records += mapping === undefined ? 1 : mostRecords(read.row, line.text);
        }
        if (records < chunkRows && characters < chunkCharacters) continue;
        // Blank lines alone do not make a chunk.
        if (chunk.rows.length > 0) yield chunk;
        chunk = { rows: [], lines: [] };
        characters = 0;
        records = 0;
      }
    }
    const left = csv?.end();
    if (left) {
      chunk.rows.push(left.row);
      chunk.lines.push(left.line);
    }
  } catch (error) {
    throw error instanceof BadText ? invalidField(error.part, error.message) : error;
  }
  if (chunk.rows.length > 0) yield chunk;
}

/** Most records that a row with a mapping can be: of a wide table, one for each cell. */
function mostRecords(row: unknown, text = ""): number {
  if (typeof row !== "object" || row === null) return 1;
  let count = 1;
  for (let at = text.indexOf(","); at !== -1; at = text.indexOf(",", at + 1)) count++;
  return Math.max(count, Object.keys(row).length);
}

/** Converts the error of a client that leaves in the middle of its body, which gets no answer. */
async function* unlessBroken(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
  } catch (cause) {
    if (cause instanceof HttpProblem) throw cause;
    throw new ConnectError("the body broke off", Code.Canceled, undefined, undefined, cause);
  }
}
