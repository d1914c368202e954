// Writes the byte-granular parts of a block (fields and varints) into a buffer that grows and is
// reused. Little-endian.

/**
 * Grows as needed; call `reset` and write again to reuse the memory. Do not use it across an await.
 */
export class ByteWriter {
  bytes = new Uint8Array(16_384);
  length = 0;

  reset(): void {
    this.length = 0;
  }

  /**
   * Makes room for `extra` more bytes, so that raw writes to `bytes` up to `length + extra` are in
   * range.
   */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  u8(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.reserve(4);
    for (let shift = 0; shift < 32; shift += 8) this.bytes[this.length++] = value >>> shift;
  }

  /** Unsigned LEB128; `value` is a whole number from 0 to 2^53. */
  varint(value: number): void {
    this.reserve(10);
    let rest = value;
    // Above 2^31 the bit operators no longer see the whole number, so split off four septets by
    // division.
    while (rest >= 0x8000_0000) {
      let low = rest % 0x1000_0000;
      rest = Math.floor(rest / 0x1000_0000);
      for (let i = 0; i < 4; i++) {
        this.bytes[this.length++] = (low & 0x7f) | 0x80;
        low >>>= 7;
      }
    }
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  /** Zigzag, then `varint`: 0, -1, 1, -2, … become 0, 1, 2, 3, …; |value| is at most 2^52. */
  signedVarint(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  append(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}
