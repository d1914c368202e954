// Limits and gate on fastify: asked when a request's headers are there, before its body is read;
// refusals in the words of each protocol.
import { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamToJson,
  errorToJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { readCredential } from "../access/credential.ts";
import { visionOf } from "../access/principal.ts";
import { callerOf } from "./caller.ts";
import { retrySecondsOf } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { setGrpcStatus } from "./grpc-message.ts";
import { networkOf } from "./limits/client-address.ts";
import type { GatewayShares } from "./limits/gateway-shares.ts";
import type { LimitGuard } from "./limits/guard-limits.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What the route asks the accessor: "/package.Service/Method"; undefined if nothing. */
    rpcPath?: string | undefined;
    /** Whether it is that RPC itself, in Connect, gRPC or gRPC-Web. */
    isRpc?: boolean;
  }
  interface FastifyRequest {
    /** What the caller may see: equal for those who see the same (visionOf). */
    vision?: string;
  }
}

/** The credential that a request carries. */
export const credentialOf = ({ headers }: FastifyRequest): string | undefined =>
  readCredential((name) => headers[name]?.toString());

export type GuardOptions = {
  gate: Gate;
  limits: LimitGuard;
  shares: GatewayShares;
  /** Told of every refusal of a call in Connect, gRPC or gRPC-Web. */
  onRefused: (error: ConnectError) => void;
};

/**
 * Guards every route that is mounted later: first by address, then by who calls, then by what that
 * one may have.
 */
export function guardRoutes(
  app: FastifyInstance,
  { gate, limits, shares, onRefused }: GuardOptions,
): void {
  const check = async (request: FastifyRequest, reply: FastifyReply) => {
    const { rpcPath: path } = request.routeOptions.config ?? {};
    const peer = limits.addressOf(request);
    limits.enter("address", peer, { request, reply });
    if (path === undefined) return;
    const principal = await gate({ path, credential: credentialOf(request), peer });
    if (principal === undefined) {
      limits.enterUnnamed(peer, { request, reply });
    } else {
      request.vision = visionOf(principal);
      request.caller = { kind: "key", name: principal.id, network: networkOf(peer) };
      limits.enter("key", principal.id, { request, reply });
    }
    shares.assertReads(callerOf(request));
  };
  app.addHook("onRequest", async (request, reply) => {
    try {
      await check(request, reply);
    } catch (error) {
      if (!request.routeOptions.config?.isRpc) throw error;
      const known = ConnectError.from(error);
      onRefused(known);
      await refuseCall(known, request, reply);
    }
  });
  app.addHook("onSend", async (_request, reply, payload) => {
    if (reply.statusCode === 401) reply.header("www-authenticate", challenge);
    return payload;
  });
}

/** Answers a call of an RPC with an error, in the words of its protocol, past fastify. */
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

const challenge = 'Bearer realm="millrace"';

/** An error as the protocol of a content type has it. */
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
