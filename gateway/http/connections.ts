// Bounds on connections: how many there may be, how long they may be idle, and how much they may
// send before a request is complete.
import type { ServerOptions as Http1Options, Server, ServerResponse } from "node:http";
import { constants, type ServerOptions as Http2Options, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { TokenBuckets } from "../../access/token-buckets.ts";
import { firstStreams } from "../../runtime/grpc/session-pace.ts";
import { securityHeaders } from "./response-headers.ts";

export type ConnectionLimits = {
  /** Most connections at once. Further ones are closed on arrival. */
  maxConnections: number;
  /** Most connections of one address at once. */
  addressConnections: number;
  /** Time until the headers of a request must be complete. HTTP/1.1: 408. */
  headerTimeoutMs: number;
  /** Time without a request or stream. */
  idleTimeoutMs: number;
};

export const defaultConnectionLimits: ConnectionLimits = {
  maxConnections: 10_000,
  addressConnections: 1_000,
  headerTimeoutMs: 15_000,
  idleTimeoutMs: 75_000,
};

const maxHeaderBytes = 16 * 1024;
const maxHeaders = 128;

/**
 * Larger heads get 431. This clock does not limit bodies: a body may arrive for days, as long as it
 * does not stall.
 */
export function http1Options({ headerTimeoutMs, idleTimeoutMs }: ConnectionLimits): Http1Options {
  return {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: headerTimeoutMs,
    requestTimeout: 0,
    keepAliveTimeout: idleTimeoutMs,
    connectionsCheckingInterval: Math.min(5_000, Math.ceil(headerTimeoutMs / 3)),
    noDelay: true,
  };
}

/** Most streams that a connection has open at once. It begins with fewer (SessionPace). */
export const maxHttp2Streams = 256;

/**
 * A stream with more headers is reset with ENHANCE_YOUR_CALM (one whose head is larger gets 431). A
 * session that opens refused streams, sends invalid frames or resets its own streams more often
 * than this is closed with a GOAWAY.
 */
export const http2Options: Http2Options = {
  settings: { maxConcurrentStreams: firstStreams, maxHeaderListSize: maxHeaderBytes },
  maxHeaderListPairs: maxHeaders,
  maxSettings: 32,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 100,
  // This many may arrive before a client knows how many it may open.
  maxSessionRejectedStreams: 1_000,
  // For clients that cancel now and then: a page that is left cancels its requests.
  streamResetBurst: 500,
  streamResetRate: 50,
};

/** Refuses more headers than Node would keep, instead of dropping them. */
export function limitHeaderCount(server: Server): void {
  server.maxHeadersCount = maxHeaders + 1;
}

const tooLarge = {
  status: 431,
  title: "Request Header Fields Too Large",
  detail: "the request has more than 128 headers, or more than 16 KiB of them",
};
const unreadable = {
  status: 400,
  title: "Bad Request",
  detail: "the request is not valid HTTP/1.1",
};
/** Errors of the HTTP/1.1 parser, which no handler sees. */
const problems: Record<string, typeof unreadable> = {
  HPE_HEADER_OVERFLOW: tooLarge,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    title: "Content Too Large",
    detail: "the request has more than 16 KiB of chunk extensions",
  },
  SMALL_PIECES: {
    status: 400,
    title: "Bad Request",
    detail: "the body comes in too many pieces of less than 16 bytes: send more at once",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    title: "Request Timeout",
    detail: "the headers did not arrive in time (--header-timeout)",
  },
};
const problemType = "application/problem+json; charset=utf-8";
const toBody = (problem: typeof unreadable) => JSON.stringify({ type: "about:blank", ...problem });

export function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problems[error.code ?? ""] ?? unreadable;
  const body = toBody(problem);
  const fields = {
    ...securityHeaders,
    "content-type": problemType,
    "content-length": Buffer.byteLength(body),
  };
  const lines = Object.entries({ ...fields, connection: "close" }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join("")}\r\n${body}`, () =>
    socket.destroy(),
  );
}

/** Counts names and values as they arrived: HTTP/2's own bounds are higher. */
export function isTooLarge(rawHeaders: readonly string[]): boolean {
  return (
    rawHeaders.length / 2 > maxHeaders ||
    rawHeaders.reduce((sum, text) => sum + text.length, 0) > maxHeaderBytes
  );
}

/** Answers 431. */
export const refuseHeaders = (response: ServerResponse): void => refuse(response, tooLarge);

/** Answers 400. */
export const refuseRequest = (response: ServerResponse, detail: string): void =>
  refuse(response, { ...unreadable, detail });

function refuse(response: ServerResponse, problem: typeof unreadable): void {
  const body = toBody(problem);
  const fields = {
    ...securityHeaders,
    "content-type": problemType,
    "content-length": Buffer.byteLength(body),
  };
  response.writeHead(problem.status, fields);
  response.end(body);
}

/** Counts connections, and those of each address that is limited. */
export class ConnectionCounts {
  readonly #limits: ConnectionLimits;
  readonly #byAddress = new Map<string, number>();
  #open = 0;
  #refused = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get open(): number {
    return this.#open;
  }

  get refused(): number {
    return this.#refused;
  }

  /**
   * Whether a connection may stay; it is then counted until it closes. Without an address it counts
   * only in the total.
   */
  admit(socket: Socket, address: string | undefined): boolean {
    const { maxConnections, addressConnections } = this.#limits;
    const own = address === undefined ? 0 : (this.#byAddress.get(address) ?? 0);
    if (this.#open >= maxConnections || own >= addressConnections) {
      this.#refused++;
      return false;
    }
    this.#open++;
    if (address !== undefined) this.#byAddress.set(address, own + 1);
    socket.once("close", () => {
      this.#open--;
      if (address === undefined) return;
      const left = (this.#byAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#byAddress.set(address, left);
      else this.#byAddress.delete(address);
    });
    return true;
  }
}

/**
 * Each ping or settings frame costs an answer. The bound is high because some clients measure
 * latency by pings while they receive data.
 */
const controlFrames = { perSecond: 100, burst: 1_000 };

/**
 * Ends a session that floods with PING or SETTINGS (GOAWAY ENHANCE_YOUR_CALM), or has had no stream
 * for a while (GOAWAY).
 */
export function limitSession(
  session: ServerHttp2Session,
  { idleTimeoutMs }: ConnectionLimits,
): void {
  const buckets = new TokenBuckets({
    ...controlFrames,
    monotonicMs: () => performance.now(),
    maxKeys: 1,
  });
  const onControl = () => {
    if (session.destroyed || buckets.take("").granted) return;
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();
  };
  session.on("ping", onControl);
  session.on("remoteSettings", onControl);
  let streams = 0;
  session.on("stream", (stream) => {
    streams++;
    stream.once("close", () => streams--);
  });
  session.setTimeout(idleTimeoutMs, () => {
    if (streams === 0 && !session.destroyed) session.close();
  });
}
