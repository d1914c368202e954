// Bodies that stop coming, hardly come, or take more room than their callers' share. One that is
// taken as a stream may last for ever, as long as something of it comes.
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest } from "node:http2";
import type { Socket } from "node:net";
import type { Loan, Shares, Shortage } from "../../access/shares.ts";
import { joinWaiting } from "../../runtime/own-bytes.ts";
import { onceEnded } from "../http/response-end.ts";

export type BodyClockOptions = {
  /** Longest that nothing may come while it is waited for. */
  bodyTimeoutMs: number;
  /**
   * The average rate at which a body that is read as a whole must arrive, once `bodyTimeoutMs` have
   * passed. Default 8 KiB/s.
   */
  minBytesPerSecond?: number;
  /**
   * How long the rest of a body is let in after its answer, so that the client reads that. Default
   * 2 s.
   */
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
  /** The same, if it takes more room than there is. */
  overloaded: (shortage: Shortage) => Error;
  /** For whom it counts; who that is may show only while it comes. */
  callerName: () => string;
};

/** Told when what has come of a stream was passed on, and takes no more room. */
export type ReleaseBody = () => void;

export type BodyClock = Disposable & {
  watch(request: IncomingMessage, response: ServerResponse, body: WatchedBody): ReleaseBody;
  /** Looks at every body now. */
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
  /** The room that it takes. */
  loan: Loan;
  /** What there was no room for, though it came: whoever reads it has to be told. */
  shortage: Shortage | undefined;
};

/**
 * `room` is in bytes: what bodies hold from their first byte to their answer, or until it was
 * passed on.
 */
export function createBodyClock(options: BodyClockOptions, room: Shares): BodyClock {
  const {
    bodyTimeoutMs,
    minBytesPerSecond = 8 * 1024,
    lingerMs = 2_000,
    everyMs = 1_000,
  } = options;
  const monotonicMs = options.monotonicMs ?? (() => performance.now());
  const bodies = new Set<Body>();

  /** Whoever reads a body learns that there is no more of it. */
  const give = (body: Body, error: Error) => {
    if (!bodies.delete(body)) return;
    // What still comes is thrown away.
    body.loan.giveBack();
    body.request.emit("error", error);
    endLater(body, lingerMs);
  };
  /** What has come is here, whether there is room for it or not. */
  const hold = (body: Body, bytes: number) => {
    const { loan, callerName } = body;
    loan.moveTo(callerName());
    const shortage = room.grow(loan, bytes);
    if (shortage === undefined) return;
    loan.add(bytes);
    body.shortage ??= shortage;
  };
  /** What comes before anyone reads is a buffer's worth, and nobody is there to be told. */
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
      // While nobody reads, or what has come is not read yet, it is not the client who keeps us
      // waiting.
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
        // What came together with the headers is here already.
        bytes: request.readableLength,
        loan: room.borrowAnyway(watched.callerName(), 0),
        shortage: undefined,
      };
      bodies.add(body);
      hold(body, request.readableLength);
      // Both of Node's servers hand what comes to push(); a listener for data would take it away
      // from whoever reads.
      const push = request.push;
      request.push = (chunk: Buffer | null, encoding) => {
        if (chunk !== null) {
          body.bytes += chunk.length;
          body.lastMs = monotonicMs();
          // Once its answer is out or its client gone, this takes no room: its loan is over.
          hold(body, chunk.length);
          tellShort(body);
        }
        const more = push.call(request, chunk, encoding);
        joinWaiting(request);
        return more;
      };
      // Whoever reads it has listeners of its own; a stall that comes too late for them is nobody's
      // failure.
      request.on("error", () => {});
      onceEnded(response, () => {
        bodies.delete(body);
        body.loan.giveBack();
        if (request.complete) return;
        // Whoever began to read it has stopped: unread, its rest would hold up the next request of
        // the connection.
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

/** What a client goes on sending after it has its answer is nobody's. */
function endLater({ request, socket }: Pick<Body, "request" | "socket">, lingerMs: number): void {
  setTimeout(() => {
    if (request.complete) return;
    if (request.httpVersionMajor > 1)
      (request as unknown as Http2ServerRequest).stream?.close(constants.NGHTTP2_NO_ERROR);
    else socket.destroy();
  }, lingerMs).unref();
}
