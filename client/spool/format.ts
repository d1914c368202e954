// The bytes of a segment file: a header, then records one after the other. Pure; docs/producer.md
// has the table.
import { crc32 } from "node:zlib";

/** A record as it is stored in a file. */
export type SpoolRecord = {
  sequence: number;
  /** Highest sequence that was durable when this one was written; tells a torn tail from damage. */
  syncedThrough: number;
  /** When it was appended, milliseconds since the epoch. */
  timeMs: number;
  /** Samples, state changes and error reports in it. */
  records: number;
  bytes: Uint8Array;
};

const magic = Buffer.from("MRSPOOL1", "latin1");
export const segmentHeaderBytes = 20;
/** crc, length, sequence, syncedThrough, time, records. */
export const recordHeaderBytes = 36;
/** A larger length means damage. gRPC messages of producers stay far below. */
export const maxRecordBytes = 64 * 2 ** 20;

/** magic, first sequence, crc32 of both. */
export function encodeSegmentHeader(firstSequence: number): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes);
  magic.copy(header);
  header.writeBigUInt64LE(BigInt(firstSequence), 8);
  header.writeUInt32LE(crc32(header.subarray(0, 16)), 16);
  return header;
}

/** The first sequence, or undefined if this is not a header. */
export function parseSegmentHeader(file: Buffer): number | undefined {
  if (file.length < segmentHeaderBytes || !file.subarray(0, 8).equals(magic)) return undefined;
  if (crc32(file.subarray(0, 16)) !== file.readUInt32LE(16)) return undefined;
  return Number(file.readBigUInt64LE(8));
}

export function encodeRecord({
  sequence,
  syncedThrough,
  timeMs,
  records,
  bytes,
}: SpoolRecord): Buffer {
  const record = Buffer.allocUnsafe(recordHeaderBytes + bytes.length);
  record.writeUInt32LE(bytes.length, 4);
  record.writeBigUInt64LE(BigInt(sequence), 8);
  record.writeBigUInt64LE(BigInt(syncedThrough), 16);
  record.writeBigUInt64LE(BigInt(timeMs), 24);
  record.writeUInt32LE(records, 32);
  record.set(bytes, recordHeaderBytes);
  record.writeUInt32LE(crc32(record.subarray(4)), 0);
  return record;
}

/**
 * The record at an offset if it is whole, undamaged and has a sequence in range. `bytes` is a view
 * of `file`.
 */
export function parseRecord(
  file: Buffer,
  at: number,
  { minSequence, maxSequence }: { minSequence: number; maxSequence: number },
): SpoolRecord | undefined {
  if (at + recordHeaderBytes > file.length) return undefined;
  const end = at + recordHeaderBytes + file.readUInt32LE(at + 4);
  if (end > file.length || end - at > maxRecordBytes) return undefined;
  // Read as two halves: a search for records tries every offset, and bigints would make it ten
  // times slower.
  const sequence = file.readUInt32LE(at + 8) + file.readUInt32LE(at + 12) * 2 ** 32;
  if (sequence < minSequence || sequence > maxSequence) return undefined;
  if (crc32(file.subarray(at + 4, end)) !== file.readUInt32LE(at)) return undefined;
  return {
    sequence,
    syncedThrough: Number(file.readBigUInt64LE(at + 16)),
    timeMs: Number(file.readBigUInt64LE(at + 24)),
    records: file.readUInt32LE(at + 32),
    bytes: file.subarray(at + recordHeaderBytes, end),
  };
}
