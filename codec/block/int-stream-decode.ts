// Unpacks an integer stream written by int-stream-encode.ts: head of every group, packed bits,
// patches, prediction.
import { BlockError } from "./block-error.ts";
import type { ByteReader } from "./byte-reader.ts";
import { groupSize, halfRange } from "./group-plan.ts";
import { maxBlockCount } from "./header.ts";
import { predictor } from "./predictor.ts";

const maxGroups = maxBlockCount / groupSize;
const widths = new Uint8Array(maxGroups);
const bases = new Int32Array(maxGroups);
const patchAt = new Uint16Array(maxBlockCount);
const patchBy = new Int32Array(maxBlockCount);
// One word more than the payload can fill: the unpacker looks one word ahead.
const payload = new Int32Array(maxBlockCount + 1);
const payloadBytes = new Uint8Array(payload.buffer);

/**
 * Reads `count` int32s into the start of `out`. Returns false if the stream states that they are
 * all 0 (`out` is untouched).
 */
export function readIntStream(reader: ByteReader, out: Int32Array, count: number): boolean {
  const code = reader.u8();
  if (code === predictor.zero) return false;
  if (code > predictor.linear) throw new BlockError("corrupt", `predictor ${code} is not known`);
  const groups = Math.ceil(count / groupSize);
  let patches = 0;
  let bytes = 0;
  for (let g = 0; g < groups; g++) {
    const length = Math.min(groupSize, count - g * groupSize);
    const head = reader.u8();
    const width = head & 63;
    if (width > 32) throw new BlockError("corrupt", `a width of ${width} bits`);
    const centre = (head & 64) === 0 ? 0 : reader.signedVarint() | 0;
    widths[g] = width;
    bases[g] = centre - halfRange(width);
    if (head & 128) patches = readPatches(reader, { group: g, length, width, patches });
    bytes += (length * width + 7) >>> 3;
  }
  const start = reader.advance(bytes);
  payloadBytes.set(reader.bytes.subarray(start, start + bytes));
  let word = 0;
  for (let g = 0; g < groups; g++) {
    const from = g * groupSize;
    unpackGroup(out, {
      from,
      to: Math.min(from + groupSize, count),
      word,
      width: widths[g]!,
      base: bases[g]!,
    });
    word += widths[g]! * (groupSize / 32);
  }
  for (let p = 0; p < patches; p++) out[patchAt[p]!]! += patchBy[p]!;
  addPrediction(out, count, code);
  return true;
}

function readPatches(
  reader: ByteReader,
  options: { group: number; length: number; width: number; patches: number },
): number {
  const { group, length, width } = options;
  let patches = options.patches;
  const found = reader.u8();
  const highWidth = reader.u8();
  if (found === 0 || found > length || highWidth + width > 32 || width === 32) {
    throw new BlockError("corrupt", "a patch list does not fit its group");
  }
  const positions = reader.advance(found);
  const bits = reader.advance((found * highWidth + 7) >>> 3);
  let bit = 0;
  let last = -1;
  for (let i = 0; i < found; i++) {
    const position = reader.bytes[positions + i]!;
    if (position <= last || position >= length)
      throw new BlockError("corrupt", "a patch lies outside its group");
    last = position;
    let zigzag = 0;
    for (let taken = 0; taken < highWidth; ) {
      const take = Math.min(highWidth - taken, 8 - (bit & 7));
      zigzag |= ((reader.bytes[bits + (bit >>> 3)]! >>> (bit & 7)) & ((1 << take) - 1)) << taken;
      bit += take;
      taken += take;
    }
    zigzag = (zigzag + 1) | 0;
    patchAt[patches] = group * groupSize + position;
    patchBy[patches++] = ((zigzag >>> 1) ^ -(zigzag & 1)) << width;
  }
  return patches;
}

function unpackGroup(
  out: Int32Array,
  options: { from: number; to: number; word: number; width: number; base: number },
): void {
  const { from, to, word, width, base } = options;
  if (width === 0) {
    out.fill(base, from, to);
    return;
  }
  if (width === 32) {
    for (let i = from, w = word; i < to; i++) out[i] = (payload[w++]! + base) | 0;
    return;
  }
  const mask = 0xffff_ffff >>> (32 - width);
  let bit = word * 32;
  for (let i = from; i < to; i++) {
    const at = bit >>> 5;
    const shift = bit & 31;
    // Shifting by 1 and then 31 - shift is a shift by 32 - shift that yields 0, not the word, where
    // shift is 0.
    out[i] =
      ((((payload[at]! >>> shift) | ((payload[at + 1]! << 1) << (31 - shift))) & mask) + base) | 0;
    bit += width;
  }
}

function addPrediction(x: Int32Array, count: number, code: number): void {
  if (code === predictor.none) return;
  let value = 0;
  if (code === predictor.linear) {
    let trend = 0;
    for (let i = 0; i < count; i++) {
      trend = (trend + x[i]!) | 0;
      value = (value + trend) | 0;
      x[i] = value;
    }
    return;
  }
  const shift = code - predictor.ema;
  for (let i = 0; i < count; i++) {
    const residual = x[i]!;
    x[i] = (value + residual) | 0;
    value = (value + (residual >> shift)) | 0;
  }
}
