// Packs values: as decimals (integers over a power of ten) where that is exact, else as their
// 64-bit patterns.
import type { ByteWriter } from "./byte-writer.ts";
import { flag, maxBlockCount } from "./header.ts";
import { writeIntStream } from "./int-stream-encode.ts";

const maxDigits = 9;
const scales = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/** Decimals stay below 2^51, where adding and subtracting 1.5 × 2^52 rounds to a whole number. */
const maxDecimal = 2 ** 51;
const rounder = 1.5 * 2 ** 52;
const probes = 16;
const probed = new Float64Array(probes);
/** How far the first value may lie from the median of the probed ones and still be the origin. */
const maxOffset = 2 ** 30;

const high = new Int32Array(maxBlockCount);
const low = new Int32Array(maxBlockCount);
const verbatimAt = new Uint16Array(maxBlockCount / 32);

/** Appends the value part of a block and returns the flags that describe the encoding. */
export function writeValues(writer: ByteWriter, values: Float64Array): number {
  const count = values.length;
  for (let digits = 0; digits <= maxDigits; digits++) {
    const origin = probe(values, digits);
    if (Number.isNaN(origin)) continue;
    const verbatim = toDecimals(values, digits, origin);
    if (verbatim >= 0) return writeDecimals(writer, values, { digits, origin, verbatim });
  }
  writePatterns(writer, values, count);
  return flag.patterns;
}

/** The value as an integer over `scale`, or NaN if it is not exactly one (as -0 never is). */
function toDecimal(value: number, scale: number): number {
  const integer = value * scale + rounder - rounder;
  if (integer / scale !== value || integer >= maxDecimal || integer <= -maxDecimal)
    return Number.NaN;
  return integer === 0 && Object.is(value, -0) ? Number.NaN : integer;
}

/** The origin to count from if most of a few spread values are decimals of `digits`, else NaN. */
function probe(values: Float64Array, digits: number): number {
  const scale = scales[digits]!;
  const tried = Math.min(probes, values.length);
  let count = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < tried; i++) {
    const integer = toDecimal(values[Math.floor((i * values.length) / tried)]!, scale);
    if (Number.isNaN(integer)) {
      if (i - count >= 2) return Number.NaN;
      continue;
    }
    probed[count++] = integer;
    if (integer < min) min = integer;
    if (integer > max) max = integer;
  }
  if (count === 0) return Number.NaN;
  const first = toDecimal(values[0]!, scale);
  // The first value costs nothing as the origin, unless it is an outlier that the others can't be
  // counted from.
  if (first - min < maxOffset && max - first < maxOffset) return first;
  const median = probed.subarray(0, count).sort()[count >> 1]!;
  return Math.abs(first - median) < maxOffset ? first : median;
}

/**
 * Fills `high` with integers less `origin`. Returns how many values must be stored verbatim, or -1
 * if that is too many.
 */
function toDecimals(values: Float64Array, digits: number, origin: number): number {
  const scale = scales[digits]!;
  const count = values.length;
  const limit = count >>> 5;
  let verbatim = 0;
  let last = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    const integer = value * scale + rounder - rounder;
    const offset = integer - origin;
    const whole = offset | 0;
    if (
      integer / scale === value &&
      whole === offset &&
      integer < maxDecimal &&
      integer > -maxDecimal &&
      (integer !== 0 || 1 / value > 0)
    ) {
      last = whole;
    } else {
      if (verbatim === limit) return -1;
      verbatimAt[verbatim++] = i;
    }
    high[i] = last;
  }
  return verbatim;
}

function writeDecimals(
  writer: ByteWriter,
  values: Float64Array,
  options: { digits: number; origin: number; verbatim: number },
): number {
  const { digits, origin, verbatim } = options;
  const count = values.length;
  const step = commonStep(count);
  writer.u8(digits);
  writer.signedVarint(origin);
  if (step > 1) {
    writer.varint(step);
    for (let i = 0; i < count; i++) high[i] = high[i]! / step;
  }
  if (verbatim > 0) {
    const words = new Uint32Array(values.buffer, values.byteOffset, count * 2);
    writer.varint(verbatim);
    let last = 0;
    for (let i = 0; i < verbatim; i++) {
      const at = verbatimAt[i]!;
      writer.varint(at - last);
      writer.u32(words[at * 2]!);
      writer.u32(words[at * 2 + 1]!);
      last = at;
    }
  }
  writeIntStream(writer, high, count);
  return (step > 1 ? flag.step : 0) | (verbatim > 0 ? flag.verbatim : 0);
}

/**
 * The greatest common divisor of `high`, at least 1; stops at the first few samples for most data.
 */
function commonStep(count: number): number {
  let step = 0;
  for (let i = 0; i < count; i++) {
    const x = high[i]!;
    if (step !== 0 && x % step === 0) continue;
    let rest = Math.abs(x);
    while (rest !== 0) {
      const next = step % rest;
      step = rest;
      rest = next;
    }
    if (step === 1) return 1;
  }
  return step === 0 ? 1 : step;
}

/**
 * Appends 64-bit patterns: shared trailing zero bits dropped, the rest as two integer streams of 32
 * bits each.
 */
function writePatterns(writer: ByteWriter, values: Float64Array, count: number): void {
  const words = new Int32Array(values.buffer, values.byteOffset, count * 2);
  let anyLow = 0;
  let anyHigh = 0;
  let bothSigns = 0;
  const sign = words[1]! >>> 31;
  for (let i = 0; i < count; i++) {
    anyLow |= words[2 * i]!;
    anyHigh |= words[2 * i + 1]!;
    bothSigns |= words[2 * i + 1]! ^ words[1]!;
  }
  anyHigh &= 0x7fff_ffff;
  const mixed = bothSigns < 0 ? 1 : 0;
  const zeros =
    anyLow !== 0 ? trailingZeros(anyLow) : anyHigh !== 0 ? 32 + trailingZeros(anyHigh) : 0;
  writer.u8(zeros | (mixed === 1 ? 128 : sign << 6));

  // Both signs: the sign moves below the magnitude, where it disturbs the prediction least.
  const shift = zeros - mixed;
  for (let i = 0; i < count; i++) {
    const l = words[2 * i]!;
    const h = words[2 * i + 1]! & 0x7fff_ffff;
    const s = mixed === 1 ? words[2 * i + 1]! >>> 31 : 0;
    if (shift >= 32) {
      low[i] = (h >>> (shift - 32)) | s;
      high[i] = 0;
    } else if (shift > 0) {
      low[i] = (l >>> shift) | (h << (32 - shift)) | s;
      high[i] = h >>> shift;
    } else if (shift === 0) {
      low[i] = l | s;
      high[i] = h;
    } else {
      low[i] = (l << 1) | s;
      high[i] = (h << 1) | (l >>> 31);
    }
  }
  const firstLow = low[0]!;
  const firstHigh = high[0]!;
  writer.u32(firstLow >>> 0);
  writer.u32(firstHigh >>> 0);
  for (let i = 0; i < count; i++) {
    low[i]! -= firstLow;
    high[i]! -= firstHigh;
  }
  writeIntStream(writer, high, count);
  writeIntStream(writer, low, count);
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
