// Reads protobuf's wire format as far as columns need it. Throws Unusual for anything beyond that:
// protobuf-es then reads the message.

/** Not an error: another reader must read the message. */
export class Unusual extends Error {}

/** Doubles as a message contains them. */
export class PackedDoubles {
  readonly count: number;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.count = bytes.length / 8;
  }

  copyInto(target: Float64Array, offset: number): void {
    this.#bytes.copy(new Uint8Array(target.buffer, target.byteOffset + 8 * offset, 8 * this.count));
  }
}

export class WireReader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, from = 0, to: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Number and wire type of the next field, as one: number * 8 + type. */
  tag(): number {
    return this.number();
  }

  /** A whole number up to 2^53. */
  number(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 56 && this.#at < this.#end; scale *= 128) {
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 127) * scale;
      if (byte > 127) continue;
      if (value > Number.MAX_SAFE_INTEGER) break;
      return value;
    }
    throw new Unusual();
  }

  text(): string {
    const { from, to } = this.#range();
    const value = this.#bytes.toString("utf8", from, to);
    // U+FFFD may stand for bytes that are not UTF-8; readers differ in how they treat U+FEFF.
    if (/[\ufffd\ufeff]/.test(value)) throw new Unusual();
    return value;
  }

  /** The bytes of a field, not copied. */
  bytes(): Uint8Array {
    const { from, to } = this.#range();
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + from, to - from);
  }

  /** A reader of the message in a field. */
  message(): WireReader {
    const { from, to } = this.#range();
    return new WireReader(this.#bytes, from, to);
  }

  /** Packed doubles, not copied. */
  doubles(): PackedDoubles {
    const { from, to } = this.#range();
    if ((to - from) % 8 !== 0) throw new Unusual();
    return new PackedDoubles(this.#bytes.subarray(from, to));
  }

  /** Packed sint64 as their sums: the first delta, the first two, and so on. */
  sums(): Float64Array {
    const { from, to } = this.#range();
    const inner = new WireReader(this.#bytes, from, to);
    // A varint ends with a byte below 128.
    let count = 0;
    for (let i = from; i < to; i++) if (this.#bytes[i]! < 128) count++;
    const sums = new Float64Array(count);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const zigzag = inner.number();
      sum += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
      if (!Number.isSafeInteger(sum)) throw new Unusual();
      sums[i] = sum;
    }
    if (!inner.done) throw new Unusual();
    return sums;
  }

  #range(): { from: number; to: number } {
    const length = this.number();
    const from = this.#at;
    const to = from + length;
    if (to > this.#end) throw new Unusual();
    this.#at = to;
    return { from, to };
  }
}
