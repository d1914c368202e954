// A stream of bytes as lines of text, one chunk at a time.
import { LineCutter } from "../runtime/line-cutter.ts";
import { BadText } from "./unreadable.ts";

export type Line = {
  /** From 1, as editors count. */
  number: number;
  /** With the CR of its line end, if it has one; undefined if it is longer than allowed. */
  text: string | undefined;
};

/** A line that is longer is none of rows. */
export const maxLineCharacters = 1024 * 1024;
export const tooLong = "the line is longer than 1 MiB";

/** Even where each character is a line, so many are cut within a millisecond or two. */
const charactersInTurn = 8 * 1024;

/**
 * Lines as they come, those of a piece of a chunk together; the last one need not end. Throws
 * BadText for bytes that are not UTF-8, with what they look like.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  { maxCharacters = maxLineCharacters } = {},
): AsyncGenerator<Line[], void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const cutter = new LineCutter(maxCharacters, { withReturns: true });
  let number = 0;
  const numbered = (texts: (string | undefined)[]): Line[] => texts.map((text) => ({ number: ++number, text }));
  const decode = (chunk?: Uint8Array) => {
    try {
      return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
    } catch {
      throw new BadText(
        "body",
        `not UTF-8, in line ${number + 1} or after it: convert it first, for example with iconv`,
      );
    }
  };
  let begun = false;
  for await (const chunk of chunks) {
    if (!begun && chunk.length > 0) {
      begun = true;
      const kind = kindOf(chunk);
      if (kind !== undefined) throw new BadText("body", kind);
    }
    const text = decode(chunk);
    for (let at = 0; at < text.length; at += charactersInTurn) {
      const lines = numbered(cutter.push(text.slice(at, at + charactersInTurn)));
      if (lines.length > 0) yield lines;
    }
  }
  const last = numbered([...cutter.push(decode()), ...cutter.end()]);
  if (last.length > 0) yield last;
}

/** What a text begins with that is none, by its first bytes. */
const beginnings: readonly (readonly [bytes: readonly number[], what: string])[] = [
  [[0x1f, 0x8b], "packed by gzip: unpack it first (gunzip -c FILE)"],
  [[0x28, 0xb5, 0x2f, 0xfd], "packed by zstd: unpack it first (zstd -dc FILE)"],
  [[0x42, 0x5a, 0x68], "packed by bzip2: unpack it first (bunzip2 -c FILE)"],
  [[0xfd, 0x37, 0x7a, 0x58], "packed by xz: unpack it first (xz -dc FILE)"],
  [[0x50, 0x4b, 0x03, 0x04], "a ZIP file or a spreadsheet: unpack it, or save it as CSV in UTF-8"],
  [[0xff, 0xfe], "UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"],
  [[0xfe, 0xff], "UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"],
];

function kindOf(chunk: Uint8Array): string | undefined {
  return beginnings.find(([bytes]) => bytes.every((byte, i) => chunk[i] === byte))?.[1];
}
