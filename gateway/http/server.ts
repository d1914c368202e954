// One port for HTTP/1.1 and HTTP/2, distinguished by ALPN over TLS, and by their first bytes in the
// clear. Handles connections; the handler decides about requests.
import { createServer as createHttp1, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2,
  type Http2Session,
  type ServerHttp2Session,
} from "node:http2";
import type { Socket } from "node:net";
import { widenConnection } from "../../runtime/connection-window.ts";
import { SessionPace } from "../../runtime/grpc/session-pace.ts";
import { boundFrames } from "../../runtime/http2-pieces.ts";
import { listenTcp } from "../../runtime/tcp-listener.ts";
import type { Certificates } from "../../runtime/tls/certificates.ts";
import { createTlsLayer, type TlsRefusal } from "../../runtime/tls/layer.ts";
import { boundPieces } from "./body-pieces.ts";
import {
  answerUnreadable,
  ConnectionCounts,
  type ConnectionLimits,
  defaultConnectionLimits,
  http1Options,
  http2Options,
  isTooLarge,
  limitHeaderCount,
  limitSession,
  maxHttp2Streams,
  refuseHeaders,
  refuseRequest,
} from "./connections.ts";
import { FirstReads } from "./first-reads.ts";
import { Pipeline } from "./pipeline.ts";
import { RequestStarts } from "./request-starts.ts";
import { reduceTarget } from "./request-target.ts";

/** How every HTTP/2 connection begins (RFC 9113, 3.4). No HTTP/1.1 request starts like it. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Holds some hundred requests. */
const headsBytes = 4 * 1024;

export type HttpServer = {
  readonly port: number;
  readonly connections: ConnectionCounts;
  /**
   * Stops accepting, lets requests in flight finish for up to `drainMs`, then cuts the remaining
   * connections.
   */
  close(options: { drainMs: number }): Promise<void>;
};

export type HttpServerOptions = {
  host: string;
  /** 0 for any free port. */
  port: number;
  handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** Speaks TLS only. Default: none. */
  tls?: { certificates: Certificates; onRefused: (refusal: TlsRefusal) => void } | undefined;
  /**
   * How long a connection may take to show its protocol, or to complete its handshake. Default 10
   * s.
   */
  prefaceMs?: number;
  limits?: ConnectionLimits;
  /** The client that a connection counts for, besides the total; undefined: none. Default: none. */
  clientOf?: (socket: Socket) => string | undefined;
};

/** Listens. Rejects if the address is not available. */
export async function openHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const {
    host,
    port,
    handle,
    tls,
    prefaceMs = 10_000,
    limits = defaultConnectionLimits,
    clientOf = () => undefined,
  } = options;
  const connections = new ConnectionCounts(limits);
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const paces = new WeakMap<Http2Session, SessionPace>();
  /** Connections of HTTP/2, which their sessions end. */
  const multiplexed = new WeakSet<Socket>();
  let closing = false;

  const take = (request: IncomingMessage, response: ServerResponse) => {
    if (isTooLarge(request.rawHeaders)) return refuseHeaders(response);
    const fault = reduceTarget(request);
    if (fault !== undefined) refuseRequest(response, fault);
    else handle(request, response);
  };
  const firstReads = new FirstReads();
  const starts = new RequestStarts();
  const pipeline = new Pipeline(starts, (socket) => {
    if (closing) socket.end();
  });
  const http1 = createHttp1(http1Options(limits), (request, response) => {
    boundPieces(request, response);
    pipeline.take(request.socket, response, () => take(request, response));
  });
  limitHeaderCount(http1);
  http1.on("clientError", (error, socket) => answerUnreadable(error, socket as Socket));
  // This server never listens itself; without the event it would not start the clock for slow
  // headers and bodies.
  http1.emit("listening");
  boundFrames();
  // The compatibility API equals IncomingMessage and ServerResponse in everything that fastify and
  // Connect use.
  const http2 = createHttp2(http2Options, (request, response) => {
    const { stream } = request;
    const pace = stream.session && paces.get(stream.session);
    starts.take(stream.session ?? stream, () => {
      if (stream.closed) return false;
      pace?.began();
      stream.once("close", () => pace?.ended());
      take(request as never, response as never);
      return true;
    });
  });
  http2.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    // A broken connection affects only its client and closes the session; without a listener it
    // would end the process.
    session.on("error", () => {});
    limitSession(session, limits);
    paces.set(session, new SessionPace(session, { maxStreams: maxHttp2Streams }));
    widenConnection(session);
    if (closing) session.close();
  });

  const own = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  };
  const serve = (socket: Socket, protocol: "h1" | "h2") => {
    if (protocol === "h2") multiplexed.add(socket);
    (protocol === "h2" ? http2 : http1).emit("connection", socket);
  };
  const layer =
    tls &&
    createTlsLayer({
      ...tls,
      protocols: ["h2", "http/1.1"],
      handshakeMs: prefaceMs,
      onSecure(socket) {
        own(socket);
        serve(socket, socket.alpnProtocol === "h2" ? "h2" : "h1");
      },
    });
  const tcp = await listenTcp({ host, port }, (socket) => {
    if (!connections.admit(socket, clientOf(socket))) {
      socket.destroy();
      return;
    }
    socket.on("error", () => socket.destroy());
    if (layer) layer.secure(socket);
    else {
      own(socket);
      sniff(socket, prefaceMs, (protocol, bytes) =>
        firstReads.take(socket, bytes, () => serve(socket, protocol)),
      );
    }
  });

  return {
    port: tcp.port,
    connections,
    async close({ drainMs }) {
      closing = true;
      const closed = tcp.close();
      layer?.[Symbol.dispose]();
      for (const session of sessions) session.close();
      const idle = [...sockets].filter(
        (socket) => pipeline.isIdle(socket) && !multiplexed.has(socket),
      );
      for (const socket of idle) socket.end();
      const cut = setTimeout(() => {
        for (const session of sessions) session.destroy();
        for (const socket of sockets) socket.destroy();
      }, drainMs);
      await closed;
      clearTimeout(cut);
      http1.close();
      http2.close();
    },
  };
}

/**
 * Reads until the bytes differ from the preface or complete it (they may come one by one), puts
 * them back, and returns the protocol.
 */
function sniff(
  socket: Socket,
  prefaceMs: number,
  decided: (protocol: "h1" | "h2", bytes: number) => void,
): void {
  let seen: Buffer = Buffer.alloc(0);
  const give = setTimeout(() => socket.destroy(), prefaceMs);
  const stop = () => {
    clearTimeout(give);
    socket.off("readable", look).off("close", stop).off("end", gone);
  };
  const gone = () => socket.destroy();
  const look = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, preface.length);
    const matches = seen.subarray(0, length).equals(preface.subarray(0, length));
    if (matches && length < preface.length) return;
    stop();
    // Put them back in pieces: the HTTP/1.1 parser parses each to its end.
    const pieceBytes = matches ? seen.length : headsBytes;
    for (
      let at = Math.floor((seen.length - 1) / pieceBytes) * pieceBytes;
      at >= 0;
      at -= pieceBytes
    )
      socket.unshift(seen.subarray(at, at + pieceBytes));
    decided(matches ? "h2" : "h1", seen.length);
  };
  socket.on("readable", look).on("close", stop).on("end", gone);
}
