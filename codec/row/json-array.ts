// Reads a JSON array as rows while it arrives: one element at a time, however many there are.
import { type LineRow, readJsonLine } from "./json-rows.ts";
import { maxLineCharacters } from "./text-lines.ts";
import { UnreadableText } from "./unreadable.ts";

const [quote, backslash, comma, newline] = [34, 92, 44, 10];
const [openBracket, closeBracket, openBrace, closeBrace] = [91, 93, 123, 125];

/**
 * Cuts the text of an array into its elements. An element of more than 1 MiB cannot be a row; it is
 * passed over and reported. `timePaths`: see readJsonLine.
 */
export class JsonArrayRows {
  readonly #timePaths: readonly string[] | undefined;
  #parts: string[] = [];
  #length = 0;
  #line = 1;
  /** 0: not known yet. */
  #elementLine = 0;
  #depth = 0;
  #inText = false;
  #escaped = false;
  #ended = false;
  #elements = 0;

  constructor({ timePaths }: { timePaths?: readonly string[] | undefined } = {}) {
    this.#timePaths = timePaths;
  }

  /** The rows that a piece of the text ends. */
  push(text: string): LineRow[] {
    const rows: LineRow[] = [];
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === newline) this.#line++;
      if (this.#inText) {
        if (this.#escaped) this.#escaped = false;
        else if (code === backslash) this.#escaped = true;
        else if (code === quote) this.#inText = false;
        continue;
      }
      if (code === quote) this.#inText = true;
      else if (code === openBracket || code === openBrace) {
        this.#depth++;
        // The bracket that opens the array itself.
        if (this.#depth === 1 && this.#elements === 0 && !this.#ended) from = at + 1;
        else if (this.#depth === 2 && this.#elementLine === 0) this.#elementLine = this.#line;
      } else if (code === closeBracket || code === closeBrace) {
        this.#depth--;
        if (this.#depth === 0) {
          this.#keep(text.slice(from, at));
          from = at + 1;
          const last = this.#finish(true);
          if (last) rows.push(last);
          this.#ended = true;
        }
      } else if (code === comma && this.#depth === 1) {
        this.#keep(text.slice(from, at));
        from = at + 1;
        const row = this.#finish(false);
        if (row) rows.push(row);
      }
    }
    this.#keep(text.slice(from));
    return rows;
  }

  /** What is left after the last piece: an array that is not closed, or text behind its end. */
  end(): LineRow[] {
    const rest = this.#parts.join("").trim();
    if (this.#ended && rest === "" && this.#length <= maxLineCharacters) return [];
    const fault = this.#ended
      ? "text after the end of the JSON array"
      : "the JSON array is not closed: it ends without ]";
    return [{ line: this.#line, row: new UnreadableText(fault) }];
  }

  #keep(text: string): void {
    if (this.#length === 0 && text.trim() === "") return;
    this.#length += text.length;
    if (this.#length <= maxLineCharacters) this.#parts.push(text);
    else this.#parts = [];
  }

  #finish(isLast: boolean): LineRow | undefined {
    const [text, length] = [this.#parts.join(""), this.#length];
    const line = this.#elementLine || this.#line;
    this.#parts = [];
    this.#length = 0;
    this.#elements++;
    this.#elementLine = 0;
    if (length > maxLineCharacters)
      return { line, row: new UnreadableText("the element is longer than 1 MiB") };
    if (text.trim() === "")
      return isLast
        ? undefined
        : { line, row: new UnreadableText("not JSON: nothing before a comma") };
    // Number 0: a byte order mark stands only at the beginning of the text.
    const read = readJsonLine({ number: 0, text }, { timePaths: this.#timePaths });
    return read && { line, row: read.row };
  }
}
