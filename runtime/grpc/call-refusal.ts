// Answers calls beyond a bound on calls, before the call begins.
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import type { CallLimitName } from "./call-starts.ts";
import { toStatusObject } from "./status.ts";

export type CallRefusal = {
  /** The error for a call beyond a bound. */
  refusalOf: (limit: CallLimitName) => ConnectError;
  /** Called for each refusal. */
  onRefused?: (limit: CallLimitName) => void;
};

/** Answers a call that grpc-js never sees, with little work, because there may be many. */
export function createRefuse({
  refusalOf,
  onRefused,
}: CallRefusal): (stream: ServerHttp2Stream, limit: CallLimitName) => void {
  const made = new Map<CallLimitName, OutgoingHttpHeaders>();
  return (stream, limit) => {
    onRefused?.(limit);
    // An error without a listener would end the process.
    stream.on("error", () => {});
    if (stream.closed || stream.destroyed) return;
    const headers = made.get(limit) ?? toHeaders(refusalOf(limit));
    made.set(limit, headers);
    stream.respond(headers, { endStream: true });
    stream.resume();
    stream.close();
  };
}

/** An answer without messages: headers and trailers are one (gRPC over HTTP/2, Trailers-Only). */
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
