// Reads line protocol: text in pieces of any size, into fields. What a source sends again and again
// is read once: measurement and tags of a line are looked up by their text.
import { type FieldValue, readFieldValue } from "./field-value.ts";
import { LineFault } from "./line-fault.ts";
import { type LineKey, readLineKey, shown, withoutEscapes } from "./line-key.ts";
import { type Precision, readLineTime } from "./line-time.ts";

/** Takes what is read. `S` is what it makes of measurement and tags. */
export type LineSink<S> = {
  /** Called once for each text of measurement and tags, as long as it is remembered. */
  series(key: LineKey): S;
  /** A field of a line; lines count from 1. timeUs: undefined if the line has no timestamp. */
  field(
    series: S,
    name: string,
    value: FieldValue,
    at: { timeUs: number | undefined; line: number },
  ): void;
  /** A line, or a field of it, that cannot be read. */
  fault(line: number, fault: LineFault): void;
};

/** Longer lines than this are faults. */
const maxLineCharacters = 1024 * 1024;
/** Texts of measurement and tags that are remembered; when there are more, all are forgotten. */
const maxRemembered = 50_000;

const [space, tab, hash, quote, newline, backslash, equals] = [32, 9, 35, 34, 10, 92, 61];

export class LineReader<S> {
  readonly #sink: LineSink<S>;
  readonly #precision: Precision;
  readonly #known = new Map<string, S | LineFault>();
  /** The beginning of a line whose end has not come. It is joined when a line end comes. */
  #open: string[] = [];
  #openLength = 0;
  #line = 1;
  /** Whether the open line is too long, and is skipped up to its end. */
  #skips = false;

  constructor(sink: LineSink<S>, { precision = "ns" }: { precision?: Precision } = {}) {
    this.#sink = sink;
    this.#precision = precision;
  }

  /** Reads the lines that a piece of text completes. */
  push(piece: string): void {
    this.#keep(piece);
    if (!piece.includes("\n")) return;
    const text = this.#open.join("");
    let at = 0;
    let quoteAt = firstQuote(text, 0);
    for (;;) {
      if (text.charCodeAt(at) === newline && !this.#skips) {
        at++;
        this.#line++;
        continue;
      }
      if (quoteAt < at) quoteAt = firstQuote(text, at);
      const end = endOfLine(text, at, quoteAt);
      if (end === undefined) break;
      if (this.#skips) this.#skips = false;
      else this.#take(this.#readLine(text, { from: at, to: end.at, quoteAt }));
      this.#line += end.lines;
      at = end.at + 1;
    }
    if (at === 0) return;
    this.#open = [];
    this.#openLength = 0;
    this.#keep(text.slice(at));
  }

  /** The last line needs no line end. */
  end(): void {
    const text = this.#open.join("");
    if (text === "" || this.#skips) return;
    const quoteAt = firstQuote(text, 0);
    this.#take(this.#readLine(text, { from: 0, to: text.length, quoteAt }));
  }

  #keep(text: string): void {
    this.#open.push(text);
    this.#openLength += text.length;
    const isOpen = this.#openLength > maxLineCharacters && !text.includes("\n");
    if (!isOpen) return;
    if (!this.#skips)
      this.#take(new LineFault(`the line is longer than ${maxLineCharacters} characters`));
    this.#skips = true;
    this.#open = [];
    this.#openLength = 0;
  }

  #take(fault: LineFault | undefined): void {
    if (fault !== undefined) this.#sink.fault(this.#line, fault);
  }

  #readLine(
    text: string,
    { from, to, quoteAt }: { from: number; to: number; quoteAt: number },
  ): LineFault | undefined {
    let start = from;
    let end = to;
    if (text.charCodeAt(end - 1) === 13) end--;
    while (start < end && isBlank(text.charCodeAt(start))) start++;
    while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
    if (start === end || text.charCodeAt(start) === hash) return undefined;
    const keyEnd = unescaped(text, " ", start, end);
    if (keyEnd < 0) return new LineFault("the line has no field: expected measurement field=value");
    const series = this.#seriesOf(text.slice(start, keyEnd));
    if (series instanceof LineFault) return series;
    let fieldsStart = keyEnd + 1;
    while (isBlank(text.charCodeAt(fieldsStart))) fieldsStart++;
    const fieldsEnd = endOfFields(text, fieldsStart, { to: end, hasQuote: quoteAt < end });
    if (fieldsEnd < 0) return openText;
    let timeUs: number | undefined;
    if (fieldsEnd < end) {
      const time = readLineTime(text.slice(fieldsEnd + 1, end).trim(), this.#precision);
      if (time instanceof LineFault) return time;
      timeUs = time;
    }
    return this.#readFields(series, text.slice(fieldsStart, fieldsEnd), timeUs);
  }

  #seriesOf(key: string): S | LineFault {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= maxRemembered) this.#known.clear();
    const read = readLineKey(key);
    const series = read instanceof LineFault ? read : this.#sink.series(read);
    this.#known.set(key, series);
    return series;
  }

  #readFields(series: S, fields: string, timeUs: number | undefined): LineFault | undefined {
    const line = this.#line;
    for (let from = 0; from <= fields.length; ) {
      const middle = unescaped(fields, "=", from, fields.length);
      if (middle <= from)
        return new LineFault(
          from === 0 || from < fields.length
            ? `field ${shown(fields.slice(from))}: expected name=value`
            : "a field is expected after the last comma",
        );
      const isText = fields.charCodeAt(middle + 1) === quote;
      const comma = isText
        ? endOfText(fields, middle + 2, fields.length)
        : fields.indexOf(",", middle);
      const end = comma < 0 ? fields.length : comma;
      if (isText && end < fields.length && fields.charCodeAt(end) !== 44)
        return new LineFault("a comma is expected after a text in double quotes");
      const name = withoutEscapes(fields.slice(from, middle));
      const value = readFieldValue(fields.slice(middle + 1, end));
      if (value instanceof LineFault)
        this.#take(new LineFault(`field ${shown(name)}: ${value.message}`));
      else this.#sink.field(series, name, value, { timeUs, line });
      from = end + 1;
    }
    return undefined;
  }
}

const openText = new LineFault("a text in double quotes does not end");

/** Infinity: there is none. */
function firstQuote(text: string, from: number): number {
  const at = text.indexOf('"', from);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

const isBlank = (code: number): boolean => code === space || code === tab;

/** Where the line ends that begins at `from`; a line end within quotes is part of a text. */
function endOfLine(
  text: string,
  from: number,
  quoteAt: number,
): { at: number; lines: number } | undefined {
  const end = text.indexOf("\n", from);
  if (end < 0) return undefined;
  if (quoteAt > end) return { at: end, lines: 1 };
  let start = from;
  while (isBlank(text.charCodeAt(start))) start++;
  const keyEnd = text.charCodeAt(start) === hash ? -1 : unescaped(text, " ", start, end);
  if (keyEnd < 0) return { at: end, lines: 1 };
  // Quotes have their meaning only where the value of a field begins: elsewhere they are
  // characters.
  let lines = 1;
  for (let i = keyEnd + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === newline) return { at: i, lines };
    if (code === backslash) i++;
    else if (code === equals && text.charCodeAt(i + 1) === quote) {
      const close = endOfText(text, i + 2, text.length);
      if (close < 0) return undefined;
      for (let at = text.indexOf("\n", i); at >= 0 && at < close; at = text.indexOf("\n", at + 1))
        lines++;
      i = close - 1;
    }
  }
  return undefined;
}

/** The first place of a character that no "\" escapes; -1 if there is none. */
function unescaped(text: string, character: string, from: number, to: number): number {
  for (let at = text.indexOf(character, from); at >= 0 && at < to; ) {
    if (at === from || text.charCodeAt(at - 1) !== backslash) return at;
    at = text.indexOf(character, at + 1);
  }
  return -1;
}

/** The place after the quote that closes a text; -1 if none does. */
function endOfText(text: string, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === backslash) i++;
    else if (code === quote) return i + 1;
  }
  return -1;
}

/** Where the fields end: before the blank of a timestamp, or with the line. -1: an open text. */
function endOfFields(
  text: string,
  from: number,
  { to, hasQuote }: { to: number; hasQuote: boolean },
): number {
  if (!hasQuote) {
    const end = unescaped(text, " ", from, to);
    return end < 0 ? to : end;
  }
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i);
    if (code === backslash) i++;
    else if (code === space) return i;
    else if (code === equals && text.charCodeAt(i + 1) === quote) {
      const close = endOfText(text, i + 2, to);
      if (close < 0) return -1;
      i = close - 1;
    }
  }
  return to;
}
