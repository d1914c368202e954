// What stands for a row that could not even be read, and what ends the reading of a whole text.

/** In the place of a row. */
export class UnreadableText {
  readonly message: string;
  /** How many lines it stands for: each of them was a row to whoever wrote it. */
  readonly lines: number;
  constructor(message: string, lines = 1) {
    this.message = message;
    this.lines = lines;
  }
}

/** The text as a whole is none of rows: nothing after this can be read. The message says all. */
export class BadText extends Error {
  override readonly name = "BadText";
  /** "header" of CSV, or "body". */
  readonly part: "header" | "body";
  constructor(part: "header" | "body", message: string) {
    super(message);
    this.part = part;
  }
}
