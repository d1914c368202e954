// Reads a stream of bytes as lines of text, one chunk at a time.
import { LineCutter } from "../../runtime/line-cutter.ts";
import { kindOfBytes, notUtf8From } from "./text-bytes.ts";
import { BadText } from "./unreadable.ts";

export type Line = {
  /** Line number from 1, as editors count. */
  number: number;
  /**
   * The line with the CR of its line end, if it has one; undefined if it is longer than allowed.
   */
  text: string | undefined;
};

/** A longer line cannot be a row. */
export const maxLineCharacters = 1024 * 1024;
export const tooLong = "the line is longer than 1 MiB";

/** Even if each character is a line, this many are cut within a millisecond or two. */
const charactersInTurn = 8 * 1024;

/**
 * Yields lines as they arrive, those of a piece of a chunk together; the last line needs no line
 * end. Throws BadText for bytes that are not UTF-8, with what they look like.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  { maxCharacters = maxLineCharacters } = {},
): AsyncGenerator<Line[], void, undefined> {
  const cutter = new LineCutter(maxCharacters, { withReturns: true });
  let number = 0;
  const numbered = (texts: (string | undefined)[]): Line[] =>
    texts.map((text) => ({ number: ++number, text }));
  for await (const text of readTexts(chunks, () => number + 1)) {
    for (let at = 0; at < text.length; at += charactersInTurn) {
      const lines = numbered(cutter.push(text.slice(at, at + charactersInTurn)));
      if (lines.length > 0) yield lines;
    }
  }
  const last = numbered(cutter.end());
  if (last.length > 0) yield last;
}

/**
 * Yields the text of the chunks. Throws BadText for bytes that are not UTF-8, with what they look
 * like and the line that `lineNow` gives.
 */
export async function* readTexts(
  chunks: AsyncIterable<Uint8Array>,
  lineNow: () => number = () => 1,
): AsyncGenerator<string, void, undefined> {
  // readLines and readers of JSON remove a byte order mark, and report it.
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const decode = (chunk?: Uint8Array) => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      throw new BadText("body", notUtf8From(lineNow()));
    }
  };
  let begun = false;
  for await (const chunk of chunks) {
    if (!begun && chunk.length > 0) {
      begun = true;
      const kind = kindOfBytes(chunk);
      if (kind !== undefined) throw new BadText("body", kind);
    }
    yield decode(chunk);
  }
  yield decode();
}
