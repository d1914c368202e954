// Bounds on connections: how many there may be, how long they may say nothing, how much they may
// say before a request is whole.
import type { ServerOptions as Http1Options, Server, ServerResponse } from "node:http";
import { constants, type ServerOptions as Http2Options, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { TokenBuckets } from "../../access/token-buckets.ts";
import { firstStreams } from "../../runtime/grpc/session-pace.ts";
import { securityHeaders } from "./response-headers.ts";

export type ConnectionLimits = {
  /** All at once. Further ones are closed as they come. */
  maxConnections: number;
  /** Of one address at once. */
  addressConnections: number;
  /** Until the headers of a request are whole. HTTP/1.1: 408. */
  headerTimeoutMs: number;
  /** Between requests, or without a stream. */
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
 * Larger heads are 431. What a body may take is not this clock's matter: it may come for days, as
 * long as it comes.
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

/** Most that a connection has open at once. It begins with fewer (SessionPace). */
export const maxHttp2Streams = 256;

/**
 * A stream with more headers is reset with ENHANCE_YOUR_CALM (one whose head is larger gets 431); a
 * session that opens refused streams, sends invalid frames or resets its own streams beyond these
 * is closed with a GOAWAY.
 */
export const http2Options: Http2Options = {
  settings: { maxConcurrentStreams: firstStreams, maxHeaderListSize: maxHeaderBytes },
  maxHeaderListPairs: maxHeaders,
  maxSettings: 32,
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 100,
  // As many may come before a client has heard how many it may open.
  maxSessionRejectedStreams: 1_000,
  // A client that changes its mind now and then: a page that is left takes its requests along.
  streamResetBurst: 500,
  streamResetRate: 50,
};

/** More headers than Node would keep are refused rather than dropped. */
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
/** What HTTP/1.1's parser does not let through to anyone. */
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

/** By names and values as they came: HTTP/2's own bounds lie higher. */
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

/** Counts connections, by address where that is to be limited. */
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
   * for all of them only.
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
 * Pings and settings cost an answer each. Some clients measure the way by pings while data comes,
 * so these are many.
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
