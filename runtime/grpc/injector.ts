// The way into a grpc-js server for connections that were accepted elsewhere, with a say in when
// their calls begin.
import type { Http2Server, Http2Session, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import { type ConnectionInjector, type Server, ServerCredentials } from "@grpc/grpc-js";
import { type CallBounds, type CallLimit, CallStarts, defaultCallBounds } from "./call-starts.ts";
import type { Connections } from "./connections.ts";
import { toStatusObject } from "./status.ts";

export type CallRefusal = {
  /** What a client is told whose call is beyond a bound. */
  refusalOf: (limit: CallLimit) => ConnectError;
  /** Told of each. */
  onRefused?: (limit: CallLimit) => void;
};

/**
 * What grpc-js's server has inside (1.14.7). call-starts.test.ts fails where a newer one has it no
 * more.
 */
type Inside = { http2Servers?: Map<Http2Server, unknown> };

export type InjectorOptions = { connections: Connections; calls: CallRefusal; callBounds?: CallBounds };

export function createInjector(
  server: Server,
  { connections, calls, callBounds = defaultCallBounds }: InjectorOptions,
): ConnectionInjector {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const http2 = [...((server as unknown as Inside).http2Servers?.keys() ?? [])].at(-1);
  const [begin, ...others] = http2?.listeners("stream") ?? [];
  if (http2 === undefined || begin === undefined || others.length > 0)
    throw new Error("this version of @grpc/grpc-js has other internals: its calls cannot begin in turns");
  const starts = new CallStarts(callBounds, createRefuse(calls));
  const groups = new WeakMap<Http2Session, string | object>();
  http2.on("session", (session) => {
    groups.set(session, connections.groupOf(session.socket.remoteAddress) ?? session);
  });
  http2.removeAllListeners("stream");
  http2.on("stream", (stream: ServerHttp2Stream, headers, flags) => {
    const { session } = stream;
    // Without one it is closed already.
    if (session) starts.take(stream, groups.get(session) ?? session, () => begin(stream, headers, flags));
  });
  return injector;
}

/** Answers a call that grpc-js never hears of, with little work: there may be many. */
function createRefuse({ refusalOf, onRefused }: CallRefusal): (stream: ServerHttp2Stream, limit: CallLimit) => void {
  const made = new Map<CallLimit, OutgoingHttpHeaders>();
  return (stream, limit) => {
    onRefused?.(limit);
    // An error that nobody hears ends the process.
    stream.on("error", () => {});
    if (stream.closed || stream.destroyed) return;
    const headers = made.get(limit) ?? toHeaders(refusalOf(limit));
    made.set(limit, headers);
    stream.respond(headers, { endStream: true });
    stream.resume();
    stream.close();
  };
}

/** An answer without messages: its head and its trailers are one (gRPC over HTTP/2, Trailers-Only). */
function toHeaders(error: ConnectError): OutgoingHttpHeaders {
  const { code, details, metadata } = toStatusObject(error);
  return {
    ":status": 200,
    "content-type": "application/grpc+proto",
    "grpc-status": code,
    "grpc-message": encodeURI(details),
    ...metadata?.toHttp2Headers(),
  };
}
