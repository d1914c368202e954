// Unpacks the time part of a block and checks that the times are sorted and end where the header
// states.
import { BlockError } from "./block-error.ts";
import type { ByteReader } from "./byte-reader.ts";
import { type BlockHeader, flag, maxBlockCount } from "./header.ts";
import { readIntStream } from "./int-stream-decode.ts";

const offsets = new Int32Array(maxBlockCount);

/** Reads `out.length` times. Throws BlockError. */
export function readTimes(
  reader: ByteReader,
  head: BlockHeader & { flags: number },
  out: Float64Array,
): void {
  const { flags, count, firstUs, lastUs } = head;
  if (head.regular) {
    const periodUs = count === 1 ? 0 : (lastUs - firstUs) / (count - 1);
    for (let i = 0; i < count; i++) out[i] = firstUs + i * periodUs;
    return;
  }
  const exponent = reader.u8();
  if (exponent > 6) throw new BlockError("corrupt", `a time unit of 10^${exponent} µs`);
  const unit = 10 ** exponent;
  const periodUs = reader.varint() * unit;
  const runs = flags & flag.timeRuns ? reader.varint() : 0;
  let anchor = firstUs;
  let begin = 0;
  for (let run = 0; run < runs; run++) {
    const end = begin + reader.varint();
    if (end <= begin || end >= count)
      throw new BlockError("corrupt", "a run of times lies outside the block");
    fillRun(out, { begin, end, anchor, periodUs });
    anchor += reader.varint() * unit;
    begin = end;
  }
  fillRun(out, { begin, end: count, anchor, periodUs });
  if (flags & flag.timeOffsets && readIntStream(reader, offsets, count)) {
    for (let i = 0; i < count; i++) out[i]! += offsets[i]! * unit;
  }
  let last = firstUs;
  let sorted = out[0] === firstUs && out[count - 1] === lastUs;
  for (let i = 0; i < count; i++) {
    const time = out[i]!;
    if (time < last) sorted = false;
    last = time;
  }
  if (!sorted) throw new BlockError("corrupt", "times are unsorted or miss the span");
}

function fillRun(
  out: Float64Array,
  run: { begin: number; end: number; anchor: number; periodUs: number },
): void {
  const { begin, end, anchor, periodUs } = run;
  for (let i = begin; i < end; i++) out[i] = anchor + (i - begin) * periodUs;
}
