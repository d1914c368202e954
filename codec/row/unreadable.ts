// Stands for a row that could not be parsed; and the error that ends the reading of a whole text.

/** Takes the place of a row that could not be parsed. */
export class UnreadableText {
  readonly message: string;
  /** How many lines it stands for: each of them was a row for its author. */
  readonly lines: number;
  constructor(message: string, lines = 1) {
    this.message = message;
    this.lines = lines;
  }
}

/**
 * The text as a whole is not made of rows: nothing after this can be read. The message explains it.
 */
export class BadText extends Error {
  override readonly name = "BadText";
  /** "header" of CSV, or "body". */
  readonly part: "header" | "body";
  constructor(part: "header" | "body", message: string) {
    super(message);
    this.part = part;
  }
}
