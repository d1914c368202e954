// An error as the response of a call in Connect, gRPC-Web or gRPC, for calls that no handler
// answers.
import type { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamToJson,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { FastifyReply, FastifyRequest } from "fastify";
import { setGrpcStatus } from "./grpc-message.ts";
import { retrySecondsOf } from "./reasons.ts";

/** Answers a call of an RPC with an error in its protocol, bypassing fastify. */
export async function refuseCall(
  error: ConnectError,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value) reply.raw.setHeader(name, value);
  const refusal = toResponse(error, request.headers["content-type"]);
  await universalResponseToNodeResponse(refusal, reply.raw).catch(() => reply.raw.destroy());
}

/** WWW-Authenticate of an answer to a request without a valid credential. */
export const challenge = 'Bearer realm="millrace"';

/** An error in the protocol of a content type. */
export function toResponse(error: ConnectError, contentType = ""): UniversalServerResponse {
  const header = new Headers({ "content-type": contentType });
  if (/^application\/grpc-web/i.test(contentType)) {
    setTrailerStatus(header, error);
    return { status: 200, header };
  }
  if (/^application\/grpc/i.test(contentType)) {
    const trailer = new Headers();
    setGrpcStatus(trailer, error);
    return { status: 200, header, body: nothing(), trailer };
  }
  const retrySeconds = retrySecondsOf(error);
  if (retrySeconds !== undefined) header.set("retry-after", String(retrySeconds));
  if (/^application\/connect\+/i.test(contentType)) {
    const end = Buffer.from(JSON.stringify(endStreamToJson(new Headers(), error, {})));
    return { status: 200, header, body: one(encodeEnvelope(endStreamFlag, end)) };
  }
  const status = codeToHttpStatus(error.code);
  header.set("content-type", "application/json");
  if (status === 401) header.set("www-authenticate", challenge);
  return { status, header, body: one(errorToJsonBytes(error, {})) };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
