// Bounds how many frames with little data an HTTP/2 connection may send, and how many of any size
// in a round of the event loop. Also copies waiting frames out of the larger buffer that they were
// read in.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { joinWaiting } from "./own-bytes.ts";
import { Pieces } from "./pieces.ts";
import { continueReading, stopReading } from "./socket-reading.ts";

/**
 * A small message is complete in its first frame, or in its second if the client sends gRPC's
 * prefix separately: these frames cost less than the stream that carries them.
 */
const freeFrames = 2;

const counted = new WeakMap<ServerHttp2Session, Pieces>();

// A stream's own event comes only after everything that was read together with its head is parsed.
const streamCreated = "http2.server.stream.created";
const onStream = (message: unknown) => {
  const { stream } = message as { stream: ServerHttp2Stream };
  const session = stream.session as ServerHttp2Session;
  const pieces = counted.get(session) ?? count(session);
  let frames = 0;
  const { push } = stream;
  stream.push = (frame: Buffer | null, encoding) => {
    if (frame !== null && ++frames > freeFrames && !pieces.came(frame.length)) return false;
    const more = push.call(stream, frame, encoding);
    joinWaiting(stream);
    return more;
  };
};

/**
 * Bounds the connections of every server of this process from now on. Beyond the bounds a
 * connection ends with ENHANCE_YOUR_CALM.
 */
export function boundFrames(): void {
  unsubscribe(streamCreated, onStream);
  subscribe(streamCreated, onStream);
}

function count(session: ServerHttp2Session): Pieces {
  const pieces = new Pieces({
    owner: session.socket?.remoteAddress ?? "",
    get isClosed() {
      return session.destroyed;
    },
    stop: () => session.destroyed || stopReading(session.socket as Socket),
    start: () => session.destroyed || continueReading(session.socket as Socket),
    end() {
      if (session.destroyed) return;
      session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session.destroy();
    },
  });
  counted.set(session, pieces);
  return pieces;
}
