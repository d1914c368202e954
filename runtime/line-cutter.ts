// Cuts text that arrives in pieces into lines, in time proportional to its length, however small
// the pieces are.

/**
 * Cuts pieces of text at "\n". An open line is kept up to a bound; of a longer line, it only
 * remembers that it is too long.
 */
export class LineCutter {
  readonly #maxLength: number;
  readonly #withReturns: boolean;
  /**
   * The open line. It is joined once, at its end: joining at each piece would read it again each
   * time.
   */
  #parts: string[] = [];
  #length = 0;

  /**
   * withReturns: keeps a CR before the LF in its line, for formats where a line end may be part of
   * a text. Default false.
   */
  constructor(maxLength: number, { withReturns = false } = {}) {
    this.#maxLength = maxLength;
    this.#withReturns = withReturns;
  }

  /**
   * The lines that a piece ends, without their line ends (LF, or CRLF); undefined for one that is
   * too long.
   */
  push(piece: string): (string | undefined)[] {
    const lines: (string | undefined)[] = [];
    let start = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", start)) {
      lines.push(this.#finish(piece.slice(start, end)));
      start = end + 1;
    }
    this.#keep(start === 0 ? piece : piece.slice(start));
    return lines;
  }

  /** The last line, which needs no line end; none if nothing follows the last line end. */
  end(): (string | undefined)[] {
    return this.#length === 0 ? [] : [this.#finish("")];
  }

  #finish(rest: string): string | undefined {
    if (this.#length === 0 && rest.length <= this.#maxLength) return this.#withoutReturn(rest);
    this.#keep(rest);
    const line = this.#length > this.#maxLength ? undefined : this.#parts.join("");
    this.#parts = [];
    this.#length = 0;
    return line === undefined ? undefined : this.#withoutReturn(line);
  }

  #keep(text: string): void {
    if (text === "") return;
    this.#length += text.length;
    if (this.#length <= this.#maxLength) this.#parts.push(text);
    else this.#parts = [];
  }

  #withoutReturn(line: string): string {
    return line.endsWith("\r") && !this.#withReturns ? line.slice(0, -1) : line;
  }
}
