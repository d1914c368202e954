// What a client is told whose call is beyond a bound on calls, said before the call begins.
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import type { CallLimit } from "./call-starts.ts";
import { toStatusObject } from "./status.ts";

export type CallRefusal = {
  /** What a client is told whose call is beyond a bound. */
  refusalOf: (limit: CallLimit) => ConnectError;
  /** Told of each. */
  onRefused?: (limit: CallLimit) => void;
};

/** What answers a call that grpc-js never hears of, with little work: there may be many. */
export function createRefuse({
  refusalOf,
  onRefused,
}: CallRefusal): (stream: ServerHttp2Stream, limit: CallLimit) => void {
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

/**
 * An answer without messages: its head and its trailers are one (gRPC over HTTP/2, Trailers-Only).
 */
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
