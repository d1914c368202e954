// Copies bytes that are kept into their own memory. Frames of HTTP/2 are views of everything that
// was read together, and small buffers are parts of Node's pool, 64 KiB each: a single byte that
// waits for the rest of its message keeps all of that in memory. Also, each piece takes some 300
// bytes, however small it is.
import type { Readable } from "node:stream";

/** From this size on a piece is kept as it arrived. */
const wholeBytes = 4 * 1024;

/** The same bytes, in a buffer that keeps at most twice their size in memory. */
export function ownBytes<Bytes extends Uint8Array>(bytes: Bytes): Bytes | Buffer {
  if (2 * bytes.length >= bytes.buffer.byteLength) return bytes;
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}

/**
 * Call it after each piece that is added to a list: it moves the piece into its own memory, and
 * joins small ones, so that a list has few pieces of less than 4 KiB, whatever sizes arrive. It
 * takes time in proportion to the bytes and the pieces. from: the first piece that may be changed.
 */
export function joinSmall(pieces: Uint8Array[], from = 0): void {
  let last = pieces.length - 1;
  // A large piece stays unchanged, and those before it will not become fewer.
  const isLarge = last > from && pieces[last]!.length >= wholeBytes;
  if (isLarge) last--;
  let first = last;
  for (let length = pieces[last]?.length ?? 0; first > from && length < wholeBytes; first--) {
    const before = pieces[first - 1]!.length;
    // Join pieces of similar size, like carrying in a binary counter: each byte is copied once per
    // doubling.
    if (before >= wholeBytes || (!isLarge && before > length)) break;
    length += before;
  }
  if (first < last) pieces.splice(first, last - first + 1, joined(pieces.slice(first, last + 1)));
  // A joined piece already has its own memory.
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
 * Internals of a Node stream (Node 24). Without them, waiting bytes stay in the pieces that they
 * arrived in.
 */
type Inside = Readable & {
  readonly _readableState?: { readonly buffer: Uint8Array[]; readonly bufferIndex: number };
};

/** The same for the bytes that wait in a stream for its reader; call it after each push. */
export function joinWaiting(stream: Readable): void {
  const { buffer, bufferIndex } = (stream as Inside)._readableState ?? {
    buffer: [],
    bufferIndex: 0,
  };
  if (stream.readableEncoding === null) joinSmall(buffer, bufferIndex);
}
