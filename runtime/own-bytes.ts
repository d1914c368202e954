// Bytes that are kept, in memory of their own. Frames of HTTP/2 are views of all that was read
// together, and small buffers are parts of Node's pool, 64 KiB each: a byte that waits for the rest
// of its message keeps them all. And each piece takes some 300 bytes, however small it is.
import type { Readable } from "node:stream";

/** From this size on a piece is kept as it came. */
const wholeBytes = 4 * 1024;

/** The same bytes. What is kept with them is at most as much again. */
export function ownBytes<Bytes extends Uint8Array>(bytes: Bytes): Bytes | Buffer {
  if (2 * bytes.length >= bytes.buffer.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

/**
 * To be called after each piece that was added to a list: keeps it in memory of its own, and joins
 * small ones, so that a list has few of less than 4 KiB, whatever sizes come. Takes time in
 * proportion to the bytes and the pieces. from: the first that may be changed.
 */
export function joinSmall(pieces: Uint8Array[], from = 0): void {
  let last = pieces.length - 1;
  // A large piece stays as it is, and those before it are as few as they get.
  const isLarge = last > from && pieces[last]!.length >= wholeBytes;
  if (isLarge) last--;
  let first = last;
  for (let length = pieces[last]?.length ?? 0; first > from && length < wholeBytes; first--) {
    const before = pieces[first - 1]!.length;
    // Of nearly the same size, as with a counter's digits: a byte is copied for each doubling.
    if (before >= wholeBytes || (!isLarge && before > length)) break;
    length += before;
  }
  if (first < last) pieces.splice(first, last - first + 1, joined(pieces.slice(first, last + 1)));
  // What was joined has memory of its own already.
  const newest = pieces.length - 1;
  if (newest >= from) pieces[newest] = ownBytes(pieces[newest]!);
}

function joined(pieces: readonly Uint8Array[]): Buffer {
  const own = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    own.set(piece, at);
    at += piece.length;
  }
  return own;
}

/**
 * What a stream of Node has inside (Node 24). Without it, what waits stays in the pieces it came
 * in.
 */
type Inside = Readable & {
  readonly _readableState?: { readonly buffer: Uint8Array[]; readonly bufferIndex: number };
};

/** The same for what waits in a stream of bytes for its reader; to be called after each push. */
export function joinWaiting(stream: Readable): void {
  const { buffer, bufferIndex } = (stream as Inside)._readableState ?? {
    buffer: [],
    bufferIndex: 0,
  };
  if (stream.readableEncoding === null) joinSmall(buffer, bufferIndex);
}
