// What every request must pass before its body is read: the quotas of its address, authorization,
// the quotas of its key.
import { ConnectError } from "@connectrpc/connect";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { visibleMachinesKey } from "../../access/principal.ts";
import { callerOf, credentialOf } from "../caller/caller.ts";
import { networkOf } from "../caller/client-address.ts";
import { challenge, refuseCall } from "../errors/rpc-response.ts";
import type { CallerShares } from "../limits/caller-shares.ts";
import type { RequestQuotas } from "../limits/request-quotas.ts";
import type { Authorizer } from "./authorize.ts";

export type RequestCheckOptions = {
  authorize: Authorizer;
  quotas: RequestQuotas;
  shares: CallerShares;
  /** Called for every refusal of a call in Connect, gRPC or gRPC-Web. */
  onRefused: (error: ConnectError) => void;
};

/**
 * Checks requests to every route that is mounted later: first the quotas of the address, then
 * authorization, then the quotas of the key.
 */
export function checkRequests(
  app: FastifyInstance,
  { authorize, quotas, shares, onRefused }: RequestCheckOptions,
): void {
  const check = async (request: FastifyRequest, reply: FastifyReply) => {
    const { rpcPath: path } = request.routeOptions.config ?? {};
    const peer = quotas.addressOf(request);
    quotas.enter("address", peer, { request, reply });
    if (path === undefined) return;
    const principal = await authorize({ path, credential: credentialOf(request), peer });
    if (principal === undefined) {
      quotas.enterWithoutKey(peer, { request, reply });
    } else {
      request.visibleMachines = visibleMachinesKey(principal);
      request.caller = { kind: "key", name: principal.id, network: networkOf(peer) };
      quotas.enter("key", principal.id, { request, reply });
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
