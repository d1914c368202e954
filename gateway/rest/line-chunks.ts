// A body of lines, NDJSON or CSV, as chunks of rows, cut where the body alone says.
import type { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createCsvReader } from "./post-csv.ts";
import { UnreadableText } from "./post-rows.ts";
import { readLines } from "./text-lines.ts";

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

/** Chunks of rows as the body comes; whoever is beside has a turn every few milliseconds. */
export async function* readChunks(body: Readable, kind: LineKind): AsyncGenerator<Chunk, void, undefined> {
  const csv = kind === "csv" ? createCsvReader() : undefined;
  let chunk: Chunk = { rows: [], lines: [] };
  let characters = 0;
  let inTurn = 0;
  // A request that is destroyed takes its connection, and the answer, with it.
  const bytes = body.iterator({ destroyOnReturn: false });
  for await (const lines of readLines(bytes, { withReturns: csv !== undefined })) {
    for (const line of lines) {
      if (++inTurn >= linesInTurn) {
        inTurn = 0;
        await nextTurn();
      }
      // Without the CR of a line end, which is not always there: neither may it move where the body
      // is cut.
      characters += line.text === undefined ? 0 : line.text.length - (line.text.endsWith("\r") ? 1 : 0);
      const read = csv ? csv.read(line) : readJson(line);
      if (read) {
        chunk.rows.push(read.row);
        chunk.lines.push(read.line);
      }
      if (chunk.rows.length < chunkRows && characters < chunkCharacters) continue;
      yield chunk;
      chunk = { rows: [], lines: [] };
      characters = 0;
    }
  }
  const left = csv?.end();
  if (left) {
    chunk.rows.push(left.row);
    chunk.lines.push(left.line);
  }
  if (chunk.rows.length > 0) yield chunk;
}

function readJson({ number, text }: { number: number; text: string | undefined }) {
  if (text === undefined) return { line: number, row: new UnreadableText("the line is longer than 1 MiB") };
  if (text.trim() === "") return undefined;
  if (hasTooManyParts(text))
    return { line: number, row: new UnreadableText(`not a row: more than ${maxParts} commas and opening brackets`) };
  // Nobody reads the stack of what is told by line, and taking it costs more than the parsing.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return { line: number, row: JSON.parse(text) as unknown };
  } catch (error) {
    return { line: number, row: new UnreadableText(`not JSON: ${(error as Error).message}`) };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** No row has so many, its texts included. A line of 1 MiB of them takes up to 0.1 s to parse. */
const maxParts = 10_000;
const [comma, bracket, brace] = [44, 91, 123];

function hasTooManyParts(text: string): boolean {
  if (text.length <= maxParts) return false;
  let parts = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === comma || code === bracket || code === brace) parts++;
  }
  return parts > maxParts;
}
