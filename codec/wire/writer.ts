// Writes protobuf's wire format into one growing buffer. Only what columns and buckets need; other
// messages are left to protobuf-es.

/** From this size on, the buffer itself is handed over: a copy would cost more than new memory. */
const handedOver = 128 * 1024;

const wireType = { varint: 0, fixed64: 1, length: 2 } as const;

export class WireWriter {
  #bytes: Buffer = Buffer.allocUnsafe(4096);
  #at = 0;

  /**
   * Drops what an earlier message left, even one that failed half-way. headBytes: bytes to leave
   * free at the front, for the caller to fill. bytes: an estimate of the message's size; 0 if it is
   * small.
   */
  reset({ headBytes = 0, bytes = 0 } = {}): void {
    this.#at = 0;
    this.#reserve(headBytes + bytes);
    this.#at = headBytes;
  }

  /** What was written, after the bytes that were left free, as an array of its own. */
  take(): Buffer {
    const written = this.#bytes.subarray(0, this.#at);
    this.#at = 0;
    if (written.length < handedOver) return Buffer.from(written);
    this.#bytes = Buffer.allocUnsafe(4096);
    return written;
  }

  /** A field of whole numbers; 0 is left out, as proto3 does. value: at least 0, at most 2^53. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#reserve(16);
    this.#varint(field * 8 + wireType.varint);
    this.#varint(value);
  }

  /** A double; 0 too. */
  double(field: number, value: number): void {
    this.#reserve(16);
    this.#varint(field * 8 + wireType.fixed64);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** A text; an empty one is left out. */
  text(field: number, value: string): void {
    if (value === "") return;
    this.#reserve(16 + 3 * value.length);
    this.#varint(field * 8 + wireType.length);
    // Short texts, of ASCII nearly always: their length takes one byte.
    const length = this.#bytes.write(value, this.#at + 1, "utf8");
    this.#nest(this.#at + 1, length);
  }

  /** Bytes that are already encoded. */
  bytes(field: number, value: Uint8Array): void {
    this.#reserve(16 + value.length);
    this.#varint(field * 8 + wireType.length);
    this.#varint(value.length);
    this.append(value);
  }

  /** Encoded fields, appended unchanged. */
  append(fields: Uint8Array): void {
    this.#reserve(fields.length);
    this.#bytes.set(fields, this.#at);
    this.#at += fields.length;
  }

  /**
   * A message in a field. bytes: an estimate of its size; if the real length takes as many bytes as
   * the estimated one, nothing is moved.
   */
  message(field: number, write: () => void, bytes = 0): void {
    this.#reserve(16);
    this.#varint(field * 8 + wireType.length);
    const room = varintSize(bytes);
    const start = this.#at + room;
    this.#at = start;
    write();
    const length = this.#at - start;
    this.#reserve(8);
    this.#nest(start, length, room);
  }

  /** Doubles, packed. */
  doubles(field: number, values: Float64Array): void {
    if (values.length === 0) return;
    this.bytes(field, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }

  /**
   * Differences between neighbours, the first from 0, as packed sint64. values: whole, below 2^53.
   */
  deltas(field: number, values: Float64Array): void {
    if (values.length === 0) return;
    this.#reserve(16 + 10 * values.length);
    this.#varint(field * 8 + wireType.length);
    const start = this.#at + 1;
    this.#at = start;
    let before = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      const delta = value - before;
      this.#varint(delta < 0 ? -2 * delta - 1 : 2 * delta);
      before = value;
    }
    this.#nest(start, this.#at - start);
  }

  /**
   * Puts a length before the content at `start`, where `room` bytes are reserved for it, and
   * continues after it.
   */
  #nest(start: number, length: number, room = 1): void {
    const size = varintSize(length);
    if (size !== room) this.#bytes.copyWithin(start + size - room, start, start + length);
    this.#at = start - room;
    this.#varint(length);
    this.#at += length;
  }

  #varint(value: number): void {
    let rest = value;
    // Beyond 2^31, bit operators no longer work on the number.
    while (rest >= 0x8000_0000) {
      const above = Math.floor(rest / 128);
      this.#bytes[this.#at++] = (rest - above * 128) | 128;
      rest = above;
    }
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  /** Makes room for `more` bytes. */
  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    // A large piece is nearly the whole message.
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + more + 1024));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}
