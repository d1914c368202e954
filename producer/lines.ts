// A stream of bytes as numbered lines, with bounded memory. Knows no format.
import { LineCutter } from "../runtime/line-cutter.ts";

/**
 * Neighbouring lines. `texts[i]` is line `first + i` (from 1), without its line end; undefined if
 * it was too long.
 */
export type Lines = { readonly first: number; readonly texts: readonly (string | undefined)[] };

export type LineOptions = {
  /** Longest line, in UTF-16 units; longer ones are skipped. */
  maxLength: number;
};

/**
 * The lines of a UTF-8 stream, in groups as they arrive. Lines end with LF or CRLF, the last one
 * with either or none.
 */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  { maxLength }: LineOptions,
): AsyncGenerator<Lines, void, undefined> {
  const decoder = new TextDecoder();
  const cutter = new LineCutter(maxLength);
  let first = 1;
  for await (const chunk of source) {
    const texts = cutter.push(decoder.decode(chunk, { stream: true }));
    if (texts.length > 0) yield { first, texts };
    first += texts.length;
  }
  const texts = [...cutter.push(decoder.decode()), ...cutter.end()];
  if (texts.length > 0) yield { first, texts };
}
