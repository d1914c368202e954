// Bounds how small the pieces of an HTTP/1.1 body may be (chunks, records of TLS), and how many of
// any size are taken in a round of the event loop.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Pieces } from "../../runtime/pieces.ts";
import { continueReading, stopReading } from "../../runtime/socket-reading.ts";
import { answerUnreadable } from "./connections.ts";

/**
 * Internals of a socket of Node's HTTP/1.1 server (Node 24). Without them, everything that was read
 * from the connection is parsed to its end.
 */
type Inside = Socket & { readonly parser?: { pause(): void } | null };

const smallPieces = Object.assign(new Error("the pieces of the body are too small"), {
  code: "SMALL_PIECES",
});

type Counted = { pieces: Pieces /** To the latest request. */; response: ServerResponse };

/** Connections on which bodies have arrived. */
const counted = new WeakMap<Socket, Counted>();

/**
 * Call it when a request has arrived. A request whose pieces are too small gets 400, if its answer
 * has not begun, and its connection is closed.
 */
export function boundPieces(request: IncomingMessage, response: ServerResponse): void {
  const { "transfer-encoding": encoding, "content-length": length = "0" } = request.headers;
  if (encoding === undefined && length === "0") return;
  const { socket, push } = request;
  const of = counted.get(socket) ?? count(socket, response);
  of.response = response;
  request.push = (chunk: Buffer | null, encoding) => {
    if (chunk !== null && !of.pieces.came(chunk.length)) return false;
    return push.call(request, chunk, encoding);
  };
  // A body that was never read bypasses push() once its answer is sent.
  request.read(0);
  response.once("finish", () => request.resume());
}

function count(socket: Socket, response: ServerResponse): Counted {
  const end = () => {
    // A response gets the connection once those before it are sent.
    const canAnswer = made.response.socket === socket && !made.response.headersSent;
    stopReading(socket);
    (socket as Inside).parser?.pause();
    if (canAnswer) answerUnreadable(smallPieces, socket);
    else socket.destroy();
  };
  const pieces = new Pieces({
    owner: socket.remoteAddress ?? "",
    get isClosed() {
      return socket.destroyed;
    },
    stop: () => stopReading(socket),
    start: () => continueReading(socket),
    end,
  });
  const made: Counted = { pieces, response };
  counted.set(socket, made);
  return made;
}
