// Compresses large answers for clients that offer gzip, off the event loop and a few at once; an
// answer that would have to wait behind many goes uncompressed. grpc-js compresses no answers. The
// headers: https://github.com/grpc/grpc/blob/master/doc/compression.md.
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { Metadata } from "@grpc/grpc-js";
import { createHiddenValue } from "../hidden-value.ts";
import { createTurns } from "./decompress.ts";
import { headBytes } from "./frame.ts";
import { type Outgoing, streamOf } from "./outgoing.ts";

/** A smaller answer goes uncompressed: compressing it would save no time on the network. */
const minBytes = 16 * 1024;

/** For all calls of a server: each uses one of the four threads that Node has for such work. */
const atOnce = 2;
/** At most 64 MiB, for about a third of a second. */
const maxWaiting = 16;

/** An answer that compression does not shrink at least this much goes uncompressed. */
const pays = (compressedBytes: number, bytes: number) => compressedBytes <= 0.9 * bytes;

const offers = createHiddenValue<object, true>();

/**
 * Metadata that withdraws an offer that a client's library makes by itself. grpc-js and connect-go
 * send `accept-encoding: identity` beside every offer: for gRPC that header has no meaning.
 */
export const declineHeader = "x-grpc-accept-encoding";

/** Records what the headers of a new call offer, which grpc-js does not expose. */
export function noteOffer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const accepted = String(headers["grpc-accept-encoding"] ?? "");
  if (headers[declineHeader] === "identity") return;
  if (accepted.split(",").some((name) => name.trim() === "gzip")) offers.set(stream, true);
}

export function offersGzip(call: unknown): boolean {
  const stream = streamOf(call);
  return stream !== undefined && offers.get(stream) === true;
}

export const isWorthCompressing = (frame: Buffer): boolean =>
  frame.byteLength - headBytes >= minBytes;

/** The initial metadata of a call whose messages may be compressed. */
export function gzipMetadata(): Metadata {
  const metadata = new Metadata();
  metadata.set("grpc-encoding", "gzip");
  return metadata;
}

/**
 * Resolves with the frame of the compressed message, with the one given if that is hardly larger,
 * or with undefined if too many wait.
 */
export type Compress = (
  frame: Buffer,
  outgoing: Pick<Outgoing, "hold">,
) => Promise<Buffer | undefined>;

export function createCompress(): Compress {
  const inTurn = createTurns(atOnce);
  let busy = 0;
  return async (frame, outgoing) => {
    if (busy >= atOnce + maxWaiting) return undefined;
    busy++;
    // An answer that waits here counts as unread too.
    using _unread = outgoing.hold(frame.byteLength);
    try {
      const body = await inTurn(() => gzip(frame.subarray(headBytes)));
      return pays(body.byteLength, frame.byteLength - headBytes) ? toCompressedFrame(body) : frame;
    } finally {
      busy--;
    }
  };
}

const deflate = promisify(zlib.gzip);

/**
 * Use few pieces, since each is a turn of the event loop. Level 1, since the others take several
 * times as long to save a tenth more.
 */
const gzip = (bytes: Uint8Array): Promise<Buffer> =>
  deflate(bytes, {
    level: 1,
    chunkSize: Math.min(1024 * 1024, Math.max(16 * 1024, bytes.byteLength >>> 1)),
  });

function toCompressedFrame(body: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + body.byteLength);
  frame[0] = 1;
  frame.writeUInt32BE(body.byteLength, 1);
  frame.set(body, headBytes);
  return frame;
}
