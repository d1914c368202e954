// The fixed head of a block: version, flags, count and time span. Enough to index a block without
// decoding it.
import { BlockError } from "./block-error.ts";
import { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

/** The format this code writes, and the only one it reads. */
export const blockVersion = 1;

/** The most samples one block holds. */
export const maxBlockCount = 65_536;

/**
 * The content of the head. Times are whole microseconds since the epoch; first and last are those
 * of the samples.
 */
export type BlockHeader = {
  readonly version: number;
  readonly count: number;
  readonly firstUs: number;
  readonly lastUs: number;
  /** The times are one exact grid; then the period is (lastUs - firstUs) / (count - 1). */
  readonly regular: boolean;
  /**
   * How the values are packed: `decimal` integers over a power of ten, or general 64-bit
   * `pattern`s.
   */
  readonly valueKind: "decimal" | "pattern";
};

export const flag = {
  /** The times are in runs: anchors follow. */
  timeRuns: 1,
  /** The times deviate from their grid: an integer stream follows. */
  timeOffsets: 2,
  /** The values are 64-bit patterns instead of decimals. */
  patterns: 4,
  /** Decimals only: the integers have a common step above 1. */
  step: 8,
  /** Decimals only: some values are stored verbatim. */
  verbatim: 16,
} as const;

const knownFlags = 31;

export function writeHeader(
  writer: ByteWriter,
  head: { flags: number; count: number; firstUs: number; spanUs: number },
) {
  writer.u8(blockVersion);
  writer.u8(head.flags);
  writer.varint(head.count);
  const high = Math.floor(head.firstUs / 0x1_0000_0000);
  writer.u32((head.firstUs - high * 0x1_0000_0000) >>> 0);
  writer.u32(high >>> 0);
  writer.varint(head.spanUs);
}

/** Reads the head at the reader's position and moves the reader past it. */
export function readHeader(reader: ByteReader): BlockHeader & { flags: number } {
  const version = reader.u8();
  if (version !== blockVersion)
    throw new BlockError("version", `block version ${version} is not known`);
  const flags = reader.u8();
  const patterns = (flags & flag.patterns) !== 0;
  if (flags > knownFlags || (patterns && (flags & (flag.step | flag.verbatim)) !== 0)) {
    throw new BlockError("corrupt", `flags ${flags} are not known`);
  }
  const count = reader.varint();
  if (count === 0) throw new BlockError("corrupt", "a block holds at least one sample");
  if (count > maxBlockCount)
    throw new BlockError("too-large", `${count} samples exceed ${maxBlockCount}`);
  const low = reader.u32();
  const firstUs = (reader.u32() | 0) * 0x1_0000_0000 + low;
  const spanUs = reader.varint();
  const lastUs = firstUs + spanUs;
  if (!Number.isSafeInteger(firstUs) || !Number.isSafeInteger(lastUs)) {
    throw new BlockError("corrupt", "a time lies beyond 2^53");
  }
  const regular = (flags & (flag.timeRuns | flag.timeOffsets)) === 0;
  if (regular && (count === 1 ? spanUs !== 0 : spanUs % (count - 1) !== 0)) {
    throw new BlockError("corrupt", "the span is not a whole number of periods");
  }
  return {
    version,
    flags,
    count,
    firstUs,
    lastUs,
    regular,
    valueKind: patterns ? "pattern" : "decimal",
  };
}

/**
 * Reads only the head: at most 26 bytes are touched, the rest may be missing. Throws BlockError.
 */
export function readBlockHeader(bytes: Uint8Array): BlockHeader {
  const { version, count, firstUs, lastUs, regular, valueKind } = readHeader(new ByteReader(bytes));
  return { version, count, firstUs, lastUs, regular, valueKind };
}
