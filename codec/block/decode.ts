// Unpacks the bytes of one block into a column of samples. The format is specified in
// docs/block-format.md.
import { type Column, newColumn, sliceColumn } from "../column.ts";
import { BlockError } from "./block-error.ts";
import { ByteReader } from "./byte-reader.ts";
import { maxBlockCount, readHeader } from "./header.ts";
import { readTimes } from "./times-decode.ts";
import { readValues } from "./values-decode.ts";

/**
 * Unpacks a block into fresh arrays. `bytes` may be any view, aligned or not, and is not kept.
 *
 * Throws BlockError for bytes that are not a block: nothing is allocated before the count is known
 * to be at most `maxCount` (default and ceiling 65,536, so 1 MiB). There is no checksum: a flipped
 * bit that leaves the format intact gives other samples, still sorted and as many as the header
 * states.
 */
export function decodeBlock(bytes: Uint8Array, options: { maxCount?: number } = {}): Column {
  const reader = new ByteReader(bytes);
  const head = readHeader(reader);
  assertCount(head.count, options.maxCount);
  const column = newColumn(head.count);
  readBody(reader, head, column);
  return column;
}

/**
 * Unpacks a block into `target` from index `offset` (default 0) on and returns the number of
 * samples written, so that many blocks can share one pair of arrays. Throws as `decodeBlock` does,
 * and `no-room` if they do not fit; after an error, the content of `target` from `offset` on is
 * undefined.
 */
export function decodeBlockInto(
  bytes: Uint8Array,
  target: Column,
  options: { offset?: number; maxCount?: number } = {},
): number {
  const reader = new ByteReader(bytes);
  const head = readHeader(reader);
  assertCount(head.count, options.maxCount);
  const from = options.offset ?? 0;
  const to = from + head.count;
  if (!(from >= 0) || to > target.timesUs.length || to > target.values.length) {
    throw new BlockError("no-room", `${head.count} samples do not fit from index ${from}`);
  }
  readBody(reader, head, sliceColumn(target, from, to));
  return head.count;
}

function assertCount(count: number, maxCount = maxBlockCount): void {
  if (count > maxCount) throw new BlockError("too-large", `${count} samples exceed ${maxCount}`);
}

function readBody(reader: ByteReader, head: ReturnType<typeof readHeader>, out: Column): void {
  readTimes(reader, head, out.timesUs);
  readValues(reader, head.flags, out.values);
  if (reader.at !== reader.bytes.length)
    throw new BlockError("corrupt", "bytes follow the end of the block");
}
