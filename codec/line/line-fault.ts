// What is wrong with a line of line protocol.

/** The text is for people: it says what was expected. */
export class LineFault {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}
