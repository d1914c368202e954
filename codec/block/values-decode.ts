// Unpacks the value part of a block into float64s, bit for bit.
import { BlockError } from "./block-error.ts";
import type { ByteReader } from "./byte-reader.ts";
import { flag, maxBlockCount } from "./header.ts";
import { readIntStream } from "./int-stream-decode.ts";

const scales = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const high = new Int32Array(maxBlockCount);
const low = new Int32Array(maxBlockCount);

/** Reads `out.length` values. Throws BlockError. */
export function readValues(reader: ByteReader, flags: number, out: Float64Array): void {
  if (flags & flag.patterns) readPatterns(reader, out);
  else readDecimals(reader, flags, out);
}

function readDecimals(reader: ByteReader, flags: number, out: Float64Array): void {
  const count = out.length;
  const digits = reader.u8();
  if (digits >= scales.length) throw new BlockError("corrupt", `${digits} decimal digits`);
  const scale = scales[digits]!;
  const origin = reader.signedVarint();
  const step = flags & flag.step ? reader.varint() : 1;
  const verbatim = flags & flag.verbatim ? reader.varint() : 0;
  const verbatimStart = reader.at;
  if (verbatim > count) throw new BlockError("corrupt", "more verbatim values than samples");
  for (let i = 0, at = 0; i < verbatim; i++) {
    at += reader.varint();
    if (at >= count) throw new BlockError("corrupt", "a verbatim value lies outside the block");
    reader.advance(8);
  }
  if (!readIntStream(reader, high, count)) {
    out.fill(origin / scale);
  } else if (step !== 1) {
    for (let i = 0; i < count; i++) out[i] = (origin + high[i]! * step) / scale;
  } else {
    for (let i = 0; i < count; i++) out[i] = (origin + high[i]!) / scale;
  }
  if (verbatim > 0) {
    const end = reader.at;
    const words = new Uint32Array(out.buffer, out.byteOffset, count * 2);
    reader.at = verbatimStart;
    for (let i = 0, at = 0; i < verbatim; i++) {
      at += reader.varint();
      words[at * 2] = reader.u32();
      words[at * 2 + 1] = reader.u32();
    }
    reader.at = end;
  }
}

function readPatterns(reader: ByteReader, out: Float64Array): void {
  const count = out.length;
  const head = reader.u8();
  const zeros = head & 63;
  const mixed = head >>> 7;
  if (zeros > 62 || (mixed === 1 && (head & 64) !== 0))
    throw new BlockError("corrupt", "a pattern head is not known");
  const sign = (head & 64) << 25;
  const firstLow = reader.u32() | 0;
  const firstHigh = reader.u32() | 0;
  if (!readIntStream(reader, high, count)) high.fill(0, 0, count);
  if (!readIntStream(reader, low, count)) low.fill(0, 0, count);

  const words = new Int32Array(out.buffer, out.byteOffset, count * 2);
  const shift = zeros - mixed;
  for (let i = 0; i < count; i++) {
    let l = (low[i]! + firstLow) | 0;
    const h = (high[i]! + firstHigh) | 0;
    const s = mixed === 1 ? l << 31 : sign;
    if (mixed === 1) l &= -2;
    if (shift >= 32) {
      words[2 * i] = 0;
      words[2 * i + 1] = ((l << (shift - 32)) & 0x7fff_ffff) | s;
    } else if (shift > 0) {
      words[2 * i] = l << shift;
      words[2 * i + 1] = (((h << shift) | (l >>> (32 - shift))) & 0x7fff_ffff) | s;
    } else if (shift === 0) {
      words[2 * i] = l;
      words[2 * i + 1] = (h & 0x7fff_ffff) | s;
    } else {
      words[2 * i] = (l >>> 1) | (h << 31);
      words[2 * i + 1] = (h >>> 1) | s;
    }
  }
}
