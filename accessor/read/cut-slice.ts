// Cuts a slice into parts that each fit into a message, in order of time. It uses the encoded size
// of the columns, which is known before any is made.
import { lowerBound } from "../../codec/lower-bound.ts";
import type { Series } from "../store/series.ts";
import { type Piece, partOf } from "./pieces.ts";
import { type Slice, splitSlice } from "./sweep.ts";

/** Names, unit, max_gap, and the message around them; each series may be a batch of its own. */
const columnBytes = 800;

/** Parts of at most maxBytes. Samples at one time are separated only if together they exceed it. */
export function* cutSlice(slice: Slice, maxBytes: number): Generator<Slice, void, undefined> {
  let rest = slice;
  while (bytesBefore(rest, Number.POSITIVE_INFINITY) > maxBytes) {
    const [firstUs, lastUs] = spanOf(rest);
    // The last time before which the bytes fit. Bytes only grow with time.
    let low = firstUs;
    let high = lastUs + 1;
    while (low < high) {
      const middle = low + Math.ceil((high - low) / 2);
      if (bytesBefore(rest, middle) > maxBytes) high = middle - 1;
      else low = middle;
    }
    const [before, after] = splitSlice(rest, Math.max(low, firstUs + 1));
    if (low > firstUs) yield before;
    else yield* cutOneTime(before, maxBytes);
    rest = after;
  }
  if (rest.parts.size > 0) yield rest;
}

function spanOf({ parts }: Slice): [firstUs: number, lastUs: number] {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const pieces of parts.values()) {
    for (const { column } of pieces) {
      first = Math.min(first, column.timesUs[0]!);
      last = Math.max(last, column.timesUs[column.timesUs.length - 1]!);
    }
  }
  return [first, last];
}

function bytesBefore({ parts }: Slice, boundUs: number): number {
  let bytes = 0;
  for (const pieces of parts.values()) {
    let count = 0;
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { column } of pieces) {
      const end = lowerBound(column.timesUs, boundUs);
      if (end === 0) continue;
      count += end;
      first = Math.min(first, column.timesUs[0]!);
      last = Math.max(last, column.timesUs[end - 1]!);
    }
    if (count > 0) bytes += columnBytes + count * (8 + deltaBytes(last - first));
  }
  return bytes;
}

/** Bytes of a difference as a varint; no difference exceeds the span of all of them. */
function deltaBytes(spanUs: number): number {
  let size = 1;
  for (let rest = 2 * spanUs; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

function* cutOneTime({ toUs, parts }: Slice, maxBytes: number): Generator<Slice, void, undefined> {
  let taken = new Map<Series, Piece[]>();
  let room = maxBytes;
  const each = 8 + deltaBytes(0);
  for (const [series, pieces] of parts) {
    room -= columnBytes;
    for (const piece of pieces) {
      const { length } = piece.column.timesUs;
      for (let offset = 0; offset < length; ) {
        if (room < each) {
          if (taken.size > 0) yield { toUs, parts: taken };
          taken = new Map();
          room = Math.max(each, maxBytes - columnBytes);
        }
        const end = Math.min(length, offset + Math.floor(room / each));
        taken.set(series, [...(taken.get(series) ?? []), partOf(piece, offset, end)]);
        room -= (end - offset) * each;
        offset = end;
      }
    }
  }
  if (taken.size > 0) yield { toUs, parts: taken };
}
