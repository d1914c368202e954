// Deadlines of request bodies: detects those that stall, arrive too slowly, or take more room than
// their callers' share. A streamed body may last for ever, as long as it makes progress.
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";
import type { Socket } from "node:net";
import type { Loan, Shares, Shortage } from "../../access/shares.ts";
import { joinWaiting } from "../../runtime/own-bytes.ts";
import { onceEnded } from "../http/response-end.ts";

export type BodyDeadlineOptions = {
  /** Longest time without data while the gateway waits for some. */
  bodyTimeoutMs: number;
  /**
   * The average rate at which a body that is read as a whole must arrive, once `bodyTimeoutMs` have
   * passed. Default 8 KiB/s.
   */
  minBytesPerSecond?: number;
  /**
   * How long the rest of a body is accepted after its answer, so that the client reads the answer.
   * Default 2 s.
   */
  lingerMs?: number;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
  /** How often to check. Default 1 s. */
  everyMs?: number;
};

export type WatchedBody = {
  /** Whether the body is processed as a stream. */
  streams: boolean;
  /** The error for the reader of a stalled body. */
  stalled: () => Error;
  /** The error for the reader of a body that takes more room than there is. */
  overloaded: (shortage: Shortage) => Error;
  /** The caller that the body counts for, which may be known only while it arrives. */
  callerName: () => string;
};

/** Call it when the received part of a stream was passed on and takes no more room. */
export type ReleaseBody = () => void;

export type BodyDeadlines = Disposable & {
  watch(request: IncomingMessage, response: ServerResponse, body: WatchedBody): ReleaseBody;
  /** Checks every body now. */
  look(): void;
  /** How many bodies are watched. */
  readonly size: number;
};

type Body = WatchedBody & {
  request: IncomingMessage;
  socket: Socket;
  startedMs: number;
  lastMs: number;
  bytes: number;
  /** The room that the body takes. */
  loan: Loan;
  /** Set if bytes arrived that there was no room for: the reader must get an error. */
  shortage: Shortage | undefined;
};

/**
 * `room` is in bytes: bodies hold it from their first byte to their answer, or until their bytes
 * were passed on.
 */
export function createBodyDeadlines(options: BodyDeadlineOptions, room: Shares): BodyDeadlines {
  const {
    bodyTimeoutMs,
    minBytesPerSecond = 8 * 1024,
    lingerMs = 2_000,
    everyMs = 1_000,
  } = options;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const bodies = new Set<Body>();

  /** Ends a body with an error for its reader. */
  const give = (body: Body, error: Error) => {
    if (!bodies.delete(body)) return;
    // The rest of the body is discarded.
    body.loan[Symbol.dispose]();
    body.request.emit("error", error);
    endLater(body, lingerMs);
  };
  /** Counts received bytes even if there is no room for them. */
  const hold = (body: Body, bytes: number) => {
    const { loan, callerName } = body;
    loan.moveTo(callerName());
    const shortage = room.grow(loan, bytes);
    if (shortage === undefined) return;
    loan.add(bytes);
    body.shortage ??= shortage;
  };
  /** Reports a shortage to the reader. Before there is one, at most a buffer's worth arrives. */
  const tellShort = (body: Body) => {
    const { shortage, request } = body;
    if (shortage !== undefined && isRead(request)) give(body, body.overloaded(shortage));
  };

  const look = () => {
    const nowMs = monotonicMs();
    for (const body of bodies) {
      const { request, streams, startedMs, bytes } = body;
      if (request.complete || request.destroyed) {
        bodies.delete(body);
        continue;
      }
      body.loan.moveTo(body.callerName());
      tellShort(body);
      // While there is no reader, or received bytes are not read yet, the client is not the cause
      // of the wait.
      const wanted = isRead(request);
      if (!wanted || request.readableLength > 0) body.lastMs = nowMs;
      const stalled = nowMs - body.lastMs >= bodyTimeoutMs;
      const crawls =
        !streams && nowMs - startedMs >= bodyTimeoutMs + (bytes / minBytesPerSecond) * 1_000;
      if (!wanted || !(stalled || crawls)) continue;
      give(body, body.stalled());
    }
  };

  const timer = setInterval(look, everyMs).unref();
  return {
    look,
    get size() {
      return bodies.size;
    },
    watch(request, response, watched) {
      if (!hasBody(request)) return () => {};
      const nowMs = monotonicMs();
      const body: Body = {
        ...watched,
        request,
        socket: request.socket,
        startedMs: nowMs,
        lastMs: nowMs,
        // Bytes that arrived together with the headers are already here.
        bytes: request.readableLength,
        loan: room.borrowAnyway(watched.callerName(), 0),
        shortage: undefined,
      };
      bodies.add(body);
      hold(body, request.readableLength);
      // Both of Node's servers pass received bytes to push(); a listener for data would take them
      // from the reader.
      const push = request.push;
      request.push = (chunk: Buffer | null, encoding) => {
        if (chunk !== null) {
          body.bytes += chunk.length;
          body.lastMs = monotonicMs();
          // Once the answer is sent or the client has left, this takes no room, because the loan
          // has ended.
          hold(body, chunk.length);
          tellShort(body);
        }
        const more = push.call(request, chunk, encoding);
        joinWaiting(request);
        return more;
      };
      // The reader has its own listeners; a stall that comes too late for them is not a failure.
      request.on("error", () => {});
      onceEnded(response, () => {
        bodies.delete(body);
        body.loan[Symbol.dispose]();
        if (request.complete) return;
        // The reader has stopped: the unread rest would block the next request of the connection.
        request.resume();
        endLater(body, lingerMs);
      });
      return () => body.loan.add(request.readableLength - body.loan.amount);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

const isRead = (request: IncomingMessage) =>
  request.readableFlowing === true || request.listenerCount("readable") > 0;

function hasBody(request: IncomingMessage): boolean {
  if (request.httpVersionMajor > 1)
    return !(request as unknown as Http2ServerRequest).stream.endAfterHeaders;
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return encoding !== undefined || Number(length ?? 0) > 0;
}

/** Ends a request whose client continues to send after it has got its answer. */
function endLater({ request, socket }: Pick<Body, "request" | "socket">, lingerMs: number): void {
  setTimeout(() => {
    if (request.complete) return;
    if (request.httpVersionMajor > 1)
      (request as unknown as Http2ServerRequest).stream?.close(constants.NGHTTP2_NO_ERROR);
    else socket.destroy();
  }, lingerMs).unref();
}
