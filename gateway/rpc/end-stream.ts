// Ends a stream in Connect, gRPC-Web or gRPC with an error, between two of its messages, while its
// writer is waiting for the client.
import type { ServerResponse } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { endStreamFlag, endStreamToJson } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { setGrpcStatus } from "../errors/grpc-message.ts";
import { hasEnded, onceEnded } from "../http/response-end.ts";

/**
 * Sends the error, which the client may still read within `lingerMs`; then cuts the connection or
 * HTTP/2 stream.
 */
export function endStream(
  response: ServerResponse,
  error: ConnectError,
  {
    contentType = "",
    lingerMs = 2_000,
  }: { contentType?: string | undefined; lingerMs?: number } = {},
): void {
  if (hasEnded(response)) return;
  if (response.headersSent) say(response, error, contentType);
  const timer = setTimeout(() => response.destroy(), lingerMs).unref();
  onceEnded(response, () => clearTimeout(timer));
}

function say(response: ServerResponse, error: ConnectError, contentType: string): void {
  const trailer = new Headers();
  if (/^application\/connect\+/i.test(contentType)) {
    const end = Buffer.from(JSON.stringify(endStreamToJson(trailer, error, {})));
    response.end(encodeEnvelope(endStreamFlag, end));
    return;
  }
  if (!/^application\/grpc/i.test(contentType)) return;
  if (/^application\/grpc-web/i.test(contentType)) {
    setTrailerStatus(trailer, error);
    response.end(encodeEnvelope(trailerFlag, trailerSerialize(trailer)));
    return;
  }
  setGrpcStatus(trailer, error);
  response.addTrailers(Object.fromEntries(trailer));
  response.end();
}
