// Bodies that stop coming, or hardly come. One that is taken as a stream may last for ever, as long as something of it comes.
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";
import type { Socket } from "node:net";

export type BodyClockOptions = {
  /** Longest that nothing may come while it is waited for. */
  stallMs: number;
  /** What a body that is taken as a whole has to come at, on average, once `stallMs` have passed. Default 8 KiB/s. */
  minBytesPerSecond?: number;
  /** What all bodies that are taken as a whole may hold, from their first byte to their answer. Default 256 MiB. */
  maxBytes?: number;
  /** How long the rest of a body is let in after its answer, so that the client reads that. Default 2 s. */
  lingerMs?: number;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
  /** How often to look. Default 1 s. */
  everyMs?: number;
};

export type WatchedBody = {
  /** Whether it is taken as a stream. */
  streams: boolean;
  /** What whoever reads it is told. */
  stalled: () => Error;
  /** The same, if all bodies that are taken as a whole hold too much. */
  overloaded: () => Error;
};

export type BodyClock = Disposable & {
  watch(request: IncomingMessage, response: ServerResponse, body: WatchedBody): void;
  /** Looks at every body now. */
  look(): void;
};

type Body = WatchedBody & {
  request: IncomingMessage;
  socket: Socket;
  startedMs: number;
  lastMs: number;
  bytes: number;
  /** Of these, what counts against all bodies together. */
  heldBytes: number;
};

export function createBodyClock(options: BodyClockOptions): BodyClock {
  const { stallMs, minBytesPerSecond = 8 * 1024, lingerMs = 2_000, everyMs = 1_000 } = options;
  const { maxBytes = 256 * 1024 * 1024 } = options;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const bodies = new Set<Body>();
  let heldBytes = 0;

  /** Whoever reads a body learns that there is no more of it. */
  const give = (body: Body, error: Error) => {
    if (!bodies.delete(body)) return;
    body.request.emit("error", error);
    endLater(body, lingerMs);
  };
  const hold = (body: Body, bytes: number) => {
    body.heldBytes += bytes;
    heldBytes += bytes;
    return heldBytes;
  };

  const look = () => {
    const nowMs = monotonicMs();
    for (const body of bodies) {
      const { request, streams, startedMs, bytes } = body;
      if (request.complete || request.destroyed) {
        bodies.delete(body);
        continue;
      }
      // While nobody reads, or what has come is not read yet, it is not the client who keeps us waiting.
      const wanted = isRead(request);
      if (!wanted || request.readableLength > 0) body.lastMs = nowMs;
      const stalled = nowMs - body.lastMs >= stallMs;
      const crawls = !streams && nowMs - startedMs >= stallMs + (bytes / minBytesPerSecond) * 1_000;
      if (!wanted || !(stalled || crawls)) continue;
      give(body, body.stalled());
    }
  };

  const timer = setInterval(look, everyMs).unref();
  return {
    look,
    watch(request, response, watched) {
      if (!hasBody(request)) return;
      const nowMs = monotonicMs();
      const body: Body = {
        ...watched,
        request,
        socket: request.socket,
        startedMs: nowMs,
        lastMs: nowMs,
        bytes: 0,
        heldBytes: 0,
      };
      bodies.add(body);
      // Both of Node's servers hand what comes to push(); a listener for data would take it away from whoever reads.
      const push = request.push;
      request.push = (chunk: Buffer | null, encoding) => {
        if (chunk !== null) {
          body.bytes += chunk.length;
          body.lastMs = monotonicMs();
          // What comes before anyone reads is a buffer's worth; whoever reads then is told at the next piece.
          if (!body.streams && hold(body, chunk.length) > maxBytes && isRead(request)) give(body, body.overloaded());
        }
        return push.call(request, chunk, encoding);
      };
      // Whoever reads it has listeners of its own; a stall that comes too late for them is nobody's failure.
      request.on("error", () => {});
      response.once("close", () => {
        bodies.delete(body);
        heldBytes -= body.heldBytes;
        body.heldBytes = 0;
        if (!request.complete) endLater(body, lingerMs);
      });
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

const isRead = (request: IncomingMessage) => request.readableFlowing === true || request.listenerCount("readable") > 0;

function hasBody(request: IncomingMessage): boolean {
  if (request.httpVersionMajor > 1) return !(request as unknown as Http2ServerRequest).stream.endAfterHeaders;
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || Number(length ?? 0) > 0;
}

/** What a client goes on sending after it has its answer is nobody's. */
function endLater({ request, socket }: Pick<Body, "request" | "socket">, lingerMs: number): void {
  setTimeout(() => {
    if (request.complete) return;
    if (request.httpVersionMajor > 1)
      (request as unknown as Http2ServerRequest).stream?.close(constants.NGHTTP2_NO_ERROR);
    else socket.destroy();
  }, lingerMs).unref();
}
