// A body of lines, NDJSON or CSV, as chunks of rows, cut where the body alone says.
import type { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { createCsvRows } from "../../codec/row/csv-rows.ts";
import { readJsonLine } from "../../codec/row/json-rows.ts";
import { readLines } from "../../codec/row/text-lines.ts";
import { BadText, UnreadableText } from "../../codec/row/unreadable.ts";
import { HttpProblem } from "../errors/problem.ts";
import { invalidField } from "../errors/reasons.ts";

/**
 * Rows and characters of a chunk: where the body is cut follows from the body alone, so that the
 * same body sent again makes the same batches. A chunk's batches lie well below what the accessor
 * takes as one (65,536 records, 4 MiB).
 */
const chunkRows = 20_000;
const chunkCharacters = 2 * 1024 * 1024;
/**
 * Lines read before others have their turn: a few milliseconds, also where none of them is JSON.
 */
const linesInTurn = 500;

export type LineKind = "ndjson" | "csv";

/** How many lines a row was written on. */
export const linesOf = (row: unknown): number => (row instanceof UnreadableText ? row.lines : 1);

export type Chunk = { rows: unknown[]; lines: number[] };

/**
 * Chunks of rows as the body comes; whoever is beside has a turn every few milliseconds. `signal`:
 * that of rows which name none.
 */
export async function* readChunks(
  body: Readable,
  { kind, signal }: { kind: LineKind; signal?: string | undefined },
): AsyncGenerator<Chunk, void, undefined> {
  const csv = kind === "csv" ? createCsvRows({ signal }) : undefined;
  let chunk: Chunk = { rows: [], lines: [] };
  let characters = 0;
  let inTurn = 0;
  try {
    // A request that is destroyed takes its connection, and the answer, with it.
    for await (const lines of readLines(unlessBroken(body.iterator({ destroyOnReturn: false })))) {
      for (const line of lines) {
        if (++inTurn >= linesInTurn) {
          inTurn = 0;
          await nextTurn();
        }
        // Without the CR of a line end, which is not always there: neither may it move where the
        // body is cut.
        characters +=
          line.text === undefined ? 0 : line.text.length - (line.text.endsWith("\r") ? 1 : 0);
        const read = csv ? csv.read(line) : readJsonLine(line);
        if (read) {
          chunk.rows.push(read.row);
          chunk.lines.push(read.line);
        }
        if (chunk.rows.length < chunkRows && characters < chunkCharacters) continue;
        // Blank lines alone are no chunk.
        if (chunk.rows.length > 0) yield chunk;
        chunk = { rows: [], lines: [] };
        characters = 0;
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

/** A client that leaves in the middle of its body has nobody to answer to. */
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
