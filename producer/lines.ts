// A stream of bytes as numbered lines, with bounded memory. Knows no format.

/** Neighbouring lines. `texts[i]` is line `first + i` (from 1), without its line end; undefined if it was too long. */
export type Lines = { readonly first: number; readonly texts: readonly (string | undefined)[] };

export type LineOptions = {
  /** Longest line, in UTF-16 units; longer ones are skipped. */
  maxLength: number;
};

/** The lines of a UTF-8 stream, in groups as they arrive. Lines end with LF or CRLF, the last one with either or none. */
export async function* readLines(
  source: AsyncIterable<Uint8Array>,
  { maxLength }: LineOptions,
): AsyncGenerator<Lines, void, undefined> {
  const decoder = new TextDecoder();
  let first = 1;
  let rest = "";
  // Of a line that is too long, only that it is so is kept.
  let skipping = false;
  const finish = (line: string) => {
    const tooLong = skipping || line.length > maxLength;
    skipping = false;
    if (tooLong) return undefined;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  };
  for await (const chunk of source) {
    const pieces = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = pieces.pop()!;
    if (pieces.length > 0) {
      const texts = pieces.map(finish);
      yield { first, texts };
      first += texts.length;
    }
    if (rest.length > maxLength) {
      skipping = true;
      rest = "";
    }
  }
  rest += decoder.decode();
  if (rest !== "" || skipping) yield { first, texts: [finish(rest)] };
}
