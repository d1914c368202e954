// Bytes that are kept, in memory of their own. Frames of HTTP/2 are views of all that was read
// together, and small buffers are parts of Node's pool, 64 KiB each: a byte that waits for the rest
// of its message keeps them all. And each piece takes some 300 bytes, however small it is.
import type { Readable } from "node:stream";

/** From this size on a piece is kept as it came. */
const wholeBytes = 4 * 1024;

/** The same bytes. What is kept with them is at most as much again. */
export function ownBytes(bytes: Buffer): Buffer {
  if (2 * bytes.length >= bytes.buffer.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

/**
 * To be called after each piece that was added to a list: joins it with those before it, so that a
 * list has few of less than 4 KiB. A byte is copied once for each doubling of its piece. from: the
 * first that may be joined.
 */
export function joinSmall(pieces: Uint8Array[], from = 0): void {
  while (pieces.length - from > 1) {
    const [before, last] = [pieces.at(-2)!, pieces.at(-1)!];
    if (before.length >= wholeBytes || before.length > last.length) return;
    const joined = Buffer.allocUnsafeSlow(before.length + last.length);
    joined.set(before);
    joined.set(last, before.length);
    pieces.length -= 2;
    pieces.push(joined);
  }
}

/** What a stream of Node has inside (Node 24). Without it, what waits stays in the pieces it came in. */
type Inside = Readable & { readonly _readableState?: { readonly buffer: Uint8Array[]; readonly bufferIndex: number } };

/** The same for what waits in a stream of bytes for its reader; to be called after each push. */
export function joinWaiting(stream: Readable): void {
  const { buffer, bufferIndex } = (stream as Inside)._readableState ?? { buffer: [], bufferIndex: 0 };
  if (stream.readableEncoding === null) joinSmall(buffer, bufferIndex);
}
