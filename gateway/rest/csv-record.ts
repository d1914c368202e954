// Records of CSV (RFC 4180) out of lines, each line looked at once: a quoted field may go on for
// many of them.

/** A record in quotes that goes on for longer has lost a quote: no row is that large. */
export const maxRecordCharacters = 1024 * 1024;
export const maxRecordLines = 1_000;

export type CsvRecord = {
  /** Where it begins, and how many lines it has. */
  line: number;
  lines: number;
  /** Undefined for one that cannot be read, with what is wrong. */
  fields: string[] | undefined;
  fault?: string;
};

/** What is kept of the record that is open: its fields so far, and what its quoted field holds. */
type Open = { line: number; lines: number; characters: number; fields: string[]; parts: string[]; fault?: string };

/**
 * Takes line after line and gives the record that each of them ends. What is too long is not kept,
 * but is followed to the quote that ends it, so that what a text holds is never taken for records;
 * its lines are counted.
 */
export class CsvRecords {
  #open: Open | undefined;

  /**
   * The record that this line ends; undefined while one goes on. A CR at the end of a line belongs
   * to its end, or to the text that goes on there.
   */
  take(number: number, text: string): CsvRecord | undefined {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) {
      if (!text.includes('"')) return { line: number, lines: 1, fields: text.slice(0, endOf(text)).split(",") };
      return this.#scan({ line: number, lines: 1, characters: text.length, fields: [], parts: [] }, text, "field");
    }
    open.lines++;
    open.characters += text.length + 1;
    if (open.lines > maxRecordLines)
      open.fault ??= `a quoted field has more than ${maxRecordLines} lines: is its closing quote missing?`;
    if (open.characters > maxRecordCharacters)
      open.fault ??= "a quoted field has more than 1 MiB: is its closing quote missing?";
    if (open.fault === undefined) open.parts.push("\n");
    else {
      open.fields.length = 0;
      open.parts.length = 0;
    }
    return this.#scan(open, text, "quoted");
  }

  /**
   * In place of a line that nobody has: whether a quote ended in it is not known, so the record
   * that is open ends here too.
   */
  skip(number: number): CsvRecord {
    const open = this.#open;
    this.#open = undefined;
    const { line, lines } = open ?? { line: number, lines: 0 };
    return { line, lines: lines + 1, fields: undefined, fault: "the line is longer than 1 MiB" };
  }

  /** The record that is still open after the last line. */
  end(): CsvRecord | undefined {
    const open = this.#open;
    this.#open = undefined;
    return open && { line: open.line, lines: open.lines, fields: undefined, fault: "a quoted field is not closed" };
  }

  #scan(open: Open, text: string, from: "field" | "quoted"): CsvRecord | undefined {
    const { line, fields, parts } = open;
    const keep = (part: string) => void (open.fault === undefined && parts.push(part));
    let at = 0;
    let quoted = from === "quoted";
    for (;;) {
      if (!quoted && text[at] !== '"') {
        const comma = text.indexOf(",", at);
        if (open.fault === undefined) fields.push(text.slice(at, comma < 0 ? endOf(text) : comma));
        if (comma < 0) return done(open);
        at = comma + 1;
        continue;
      }
      if (!quoted) at++;
      quoted = false;
      const quote = text.indexOf('"', at);
      if (quote < 0) {
        keep(text.slice(at));
        this.#open = open;
        return undefined;
      }
      keep(text.slice(at, quote));
      at = quote + 1;
      if (text[at] === '"') {
        keep('"');
        at++;
        quoted = true;
        continue;
      }
      if (open.fault === undefined) fields.push(parts.join(""));
      parts.length = 0;
      if (at === endOf(text)) return done(open);
      if (text[at] !== ",")
        return { line, lines: open.lines, fields: undefined, fault: "a quoted field has text after its closing quote" };
      at++;
    }
  }
}

const endOf = (line: string): number => (line.endsWith("\r") ? line.length - 1 : line.length);

const done = ({ line, lines, fields, fault }: Open): CsvRecord =>
  fault === undefined ? { line, lines, fields } : { line, lines, fields: undefined, fault };
