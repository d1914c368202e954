// Packs a column of samples into the bytes of one block. The format is specified in
// docs/block-format.md.
import type { Column } from "../column.ts";
import { BlockError } from "./block-error.ts";
import { ByteWriter } from "./byte-writer.ts";
import { maxBlockCount, writeHeader } from "./header.ts";
import { writeTimes } from "./times-encode.ts";
import { writeValues } from "./values-encode.ts";

const writer = new ByteWriter();

/**
 * Packs 1 to 65,536 samples. Values decode to the same bits, including -0, subnormals, NaN payloads
 * and infinities; a time of -0 decodes as 0. The result is a fresh array. Equal columns give equal
 * bytes.
 *
 * Throws BlockError: `too-large` for more samples; `invalid-column` for none, for arrays of unequal
 * length, and for times that are unsorted, not whole, or whose first, last or span reaches 2^53 µs.
 */
export function encodeBlock(column: Column): Uint8Array {
  const { timesUs, values } = column;
  const count = timesUs.length;
  if (count === 0 || values.length !== count) {
    throw new BlockError("invalid-column", `${count} times and ${values.length} values`);
  }
  if (count > maxBlockCount)
    throw new BlockError("too-large", `${count} samples exceed ${maxBlockCount}`);
  writer.reset();
  const firstUs = timesUs[0]!;
  const spanUs = timesUs[count - 1]! - firstUs;
  if (
    !Number.isSafeInteger(firstUs) ||
    !Number.isSafeInteger(firstUs + spanUs) ||
    !(spanUs >= 0 && spanUs < 2 ** 53)
  ) {
    throw new BlockError("invalid-column", "times are whole microseconds below 2^53, sorted");
  }
  writeHeader(writer, { flags: 0, count, firstUs, spanUs });
  const timeFlags = writeTimes(writer, timesUs);
  const flags = timeFlags | writeValues(writer, values);
  writer.bytes[1] = flags;
  return writer.take();
}
