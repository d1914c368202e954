// Rows of samples as bytes of NDJSON or CSV, written by hand because exports spend their time here.

/**
 * Numbers with at most this many decimal places, as most readings have, are written without
 * JavaScript's own conversion.
 */
const places = [1, 10, 100, 1_000, 10_000] as const;
/**
 * Below this, a whole number and its quotient by a power of ten are exact, and its digits are the
 * shortest that identify the value.
 */
const maxScaled = 2 ** 31;
/** More bytes than any time and number take. */
const tailBytes = 96;

const digit0 = 0x30;
const minus = 0x2d;
const point = 0x2e;

/** The fixed bytes around a row's time and value. */
export type RowShape = { head: Uint8Array; middle: Uint8Array; end: Uint8Array };

/**
 * Collects rows in buffers of `chunkBytes`, which it uses again once they are given back. A 100 Hz
 * export goes through the gateway at 2.5 M (NDJSON) to 5 M (CSV) rows a second on one core, of
 * which writing rows is 40 %.
 *
 *     if (rows.isFull(shape)) send(rows.take());
 *     rows.sample(shape, timeUs, value);
 */
export class RowBytes {
  readonly #chunkBytes: number;
  readonly #spare: Buffer[] = [];
  #bytes: Buffer;
  #at = 0;
  #second = Number.NaN;
  readonly #secondText = new Uint8Array(19);

  constructor({ chunkBytes = 64 * 1024 } = {}) {
    this.#chunkBytes = chunkBytes;
    this.#bytes = Buffer.allocUnsafeSlow(chunkBytes);
  }

  get length(): number {
    return this.#at;
  }

  /**
   * Whether a row of this shape might no longer fit. A shape of less than a quarter of a chunk
   * always fits an empty one.
   */
  isFull({ head, middle, end }: RowShape): boolean {
    return this.#at + head.length + middle.length + end.length + tailBytes > this.#chunkBytes;
  }

  /**
   * Returns what was written so far and continues in another buffer. Give it back once it is sent.
   */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#at);
    this.#bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#chunkBytes);
    this.#at = 0;
    return taken;
  }

  giveBack({ buffer, byteOffset }: Buffer): void {
    if (this.#spare.length < 4) this.#spare.push(Buffer.from(buffer, byteOffset, this.#chunkBytes));
  }

  /** Writes a row. Finite values, including -0, read back bit for bit; no others are stored. */
  sample({ head, middle, end }: RowShape, timeUs: number, value: number): void {
    this.#raw(head);
    this.#time(timeUs);
    this.#raw(middle);
    this.#number(value);
    this.#raw(end);
  }

  #raw(from: Uint8Array): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < from.length; i++) bytes[at++] = from[i]!;
    this.#at = at;
  }

  #ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.#bytes[this.#at++] = text.charCodeAt(i);
  }

  /** RFC 3339 in UTC with no fraction, three or six digits. */
  #time(timeUs: number): void {
    const second = Math.floor(timeUs / 1e6);
    if (second !== this.#second) {
      this.#second = second;
      const text = new Date(second * 1000).toISOString();
      for (let i = 0; i < 19; i++) this.#secondText[i] = text.charCodeAt(i);
    }
    this.#raw(this.#secondText);
    const us = timeUs - second * 1e6;
    if (us !== 0) {
      this.#bytes[this.#at++] = point;
      if (us % 1_000 === 0) this.#padded(us / 1_000, 3);
      else this.#padded(us, 6);
    }
    this.#bytes[this.#at++] = 0x5a;
  }

  #number(value: number): void {
    const size = Math.abs(value);
    // Numbers below 1e-6 and from 1e21 on have exponents; -0 must keep its sign.
    if (size < maxScaled && size >= 1e-4) {
      for (let i = 0; i < places.length; i++) {
        const scaled = Math.round(size * places[i]!);
        if (scaled >= maxScaled) break;
        if (scaled / places[i]! !== size) continue;
        if (value < 0) this.#bytes[this.#at++] = minus;
        this.#decimal(scaled, i);
        return;
      }
    }
    this.#ascii(
      Number.isFinite(value) ? (Object.is(value, -0) ? "-0" : String(value)) : `"${value}"`,
    );
  }

  /** `scaled` with the point before its last `fraction` digits. */
  #decimal(scaled: number, fraction: number): void {
    const whole = fraction === 0 ? scaled : Math.floor(scaled / places[fraction]!);
    let width = 1;
    for (let rest = whole; rest >= 10; rest = (rest / 10) | 0) width++;
    this.#padded(whole, width);
    if (fraction === 0) return;
    this.#bytes[this.#at++] = point;
    this.#padded(scaled - whole * places[fraction]!, fraction);
  }

  /** A whole number below 2^31 in `width` digits. */
  #padded(number: number, width: number): void {
    const bytes = this.#bytes;
    let rest = number | 0;
    for (let at = this.#at + width - 1; at >= this.#at; at--) {
      const quotient = (rest / 10) | 0;
      bytes[at] = digit0 + rest - quotient * 10;
      rest = quotient;
    }
    this.#at += width;
  }
}
