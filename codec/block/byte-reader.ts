// Reads the byte-granular parts of a block (fields and varints), never past the end. Little-endian.
import { BlockError } from "./block-error.ts";

/**
 * Walks over `bytes` (any alignment, not copied). Every read throws BlockError `truncated` where
 * the bytes end.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  u8(): number {
    if (this.at >= this.bytes.length) throw truncated();
    return this.bytes[this.at++]!;
  }

  u32(): number {
    const at = this.advance(4);
    const b = this.bytes;
    return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
  }

  /** Unsigned LEB128 below 2^53; anything longer is `corrupt`. */
  varint(): number {
    let value = 0;
    let weight = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      weight *= 128;
    }
    throw new BlockError("corrupt", "a varint exceeds 2^53");
  }

  signedVarint(): number {
    const zigzag = this.varint();
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }

  /** Steps over `length` bytes and returns where they start. */
  advance(length: number): number {
    const at = this.at;
    if (length > this.bytes.length - at) throw truncated();
    this.at = at + length;
    return at;
  }
}

function truncated(): BlockError {
  return new BlockError("truncated", "the block ends early");
}
