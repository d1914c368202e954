// Describes bytes that should be UTF-8 text but are not, in words that help to correct it.
import { isUtf8 } from "node:buffer";

/** Formats other than UTF-8 text, by their first bytes. */
const beginnings: readonly (readonly [bytes: readonly number[], what: string])[] = [
  [[0x1f, 0x8b], "packed by gzip: unpack it first (gunzip -c FILE)"],
  [[0x28, 0xb5, 0x2f, 0xfd], "packed by zstd: unpack it first (zstd -dc FILE)"],
  [[0x42, 0x5a, 0x68], "packed by bzip2: unpack it first (bunzip2 -c FILE)"],
  [[0xfd, 0x37, 0x7a, 0x58], "packed by xz: unpack it first (xz -dc FILE)"],
  [[0x50, 0x4b, 0x03, 0x04], "a ZIP file or a spreadsheet: unpack it, or save it as CSV in UTF-8"],
  [[0xff, 0xfe], "UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"],
  [[0xfe, 0xff], "UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"],
];

/** The format of data that begins with these bytes, if it is known and not text. */
export const kindOfBytes = (start: Uint8Array): string | undefined =>
  beginnings.find(([bytes]) => bytes.every((byte, i) => start[i] === byte))?.[1];

const convertIt = "convert it first, for example with iconv";

/** The fault of a text that is UTF-8 only before this line. */
export const notUtf8From = (line: number): string =>
  `not UTF-8, in line ${line} or after it: ${convertIt}`;

/** What is wrong with a whole text; undefined if it is UTF-8. */
export const bytesFault = (text: Uint8Array): string | undefined =>
  kindOfBytes(text) ?? (isUtf8(text) ? undefined : `not UTF-8: ${convertIt}`);

/**
 * Whether the percent-encoded bytes of a query string are not UTF-8. After decoding this cannot be
 * told: U+FFFD replaces such bytes, but may also have been sent.
 */
export function isMisencoded(query: string): boolean {
  if (!query.includes("%")) return false;
  const count = (text: string, what: RegExp) => text.match(what)?.length ?? 0;
  const read = new URLSearchParams(query).toString();
  return count(read, /%EF%BF%BD/g) !== count(query, /%EF%BF%BD|\ufffd/gi);
}
