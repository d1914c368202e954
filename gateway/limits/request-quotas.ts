// Applies the limiter to requests: how each counts, its quotas in the answer's headers, and the
// meter for its records.
import { type ContextKey, createContextKey } from "@connectrpc/connect";
import type { FastifyReply, FastifyRequest } from "fastify";
import { createRefusalAudit } from "../../access/audit.ts";
import type { Log } from "../../runtime/log.ts";
import { type AddressReader, isLoopback, networkOf } from "../caller/client-address.ts";
import { onceEnded } from "../http/response-end.ts";
import type { Admission, ClientKind, Limiter, Quota } from "./limiter.ts";
import { quotaHeaders } from "./quota-headers.ts";

/**
 * Called with the number of received records; returns how long to stop reading, in milliseconds.
 */
export type Meter = (records: number) => number;

declare module "fastify" {
  interface FastifyRequest {
    meter?: Meter;
    quotas?: Quota[];
  }
}

/** The meter of a call in Connect, gRPC or gRPC-Web. */
export const meterKey: ContextKey<Meter | undefined> = createContextKey<Meter | undefined>(
  undefined,
  {
    description: "the meter of records",
  },
);

export type RequestQuotaOptions = {
  limiter: Limiter;
  addresses: AddressReader;
  /**
   * Whether the limits of addresses apply to clients on this machine. The limits of keys apply to
   * every client.
   */
  limitLoopback: boolean;
  log: Log;
};

export type RequestQuotas = {
  addressOf(request: FastifyRequest): string;
  /** Throws RATE_LIMITED. Called for the address first, and for the key once it is known. */
  enter(kind: ClientKind, client: string, context: RequestContext): void;
  /**
   * Counts the records of a request against its address if it has no key. With a key they count
   * only against the key: many callers share one address behind a NAT or a proxy, and none may use
   * up another's quota.
   */
  enterWithoutKey(address: string, context: RequestContext): void;
};

type RequestContext = { request: FastifyRequest; reply: FastifyReply };

export function createRequestQuotas({
  limiter,
  addresses,
  limitLoopback,
  log,
}: RequestQuotaOptions): RequestQuotas {
  const audit = createRefusalAudit({
    write: (message, fields) => log.warn(message, fields),
    monotonicMs: () => performance.now(),
  });
  const addressOf = ({ raw, headers }: FastifyRequest) =>
    addresses.of(raw.socket.remoteAddress, (name) => headers[name]?.toString());

  /** Records the state of the quotas; throws if one is used up. */
  const admit = (
    kind: ClientKind,
    client: string,
    { quotas, refusal }: Admission,
    context: RequestContext,
  ) => {
    const { request, reply } = context;
    request.quotas = [...(request.quotas ?? []), ...quotas];
    reply.headers(quotaHeaders(request.quotas));
    if (!refusal) return;
    audit({
      method: request.routeOptions.config?.rpcPath ?? request.url.split("?")[0]!,
      reason: refusal.limit,
      ...(kind === "key" ? { principal: client } : {}),
      peer: addressOf(request),
    });
    throw refusal.error;
  };
  const isFree = (kind: ClientKind, client: string) =>
    kind === "address" && !limitLoopback && isLoopback(client);

  return {
    addressOf,
    enter(kind, client, context) {
      if (isFree(kind, client)) return;
      const { request, reply } = context;
      const { streams = false, writes = false } = request.routeOptions.config ?? {};
      const name = kind === "address" ? networkOf(client) : client;
      const charged = writes && kind === "key";
      const admission = limiter.enter(kind, name, { streams, writes: charged });
      admit(kind, client, admission, context);
      const { place } = admission;
      if (place) onceEnded(reply.raw, () => place[Symbol.dispose]());
      if (charged) request.meter = (records) => limiter.charge(kind, name, records);
    },
    enterWithoutKey(address, context) {
      const { request } = context;
      if (!request.routeOptions.config?.writes || isFree("address", address)) return;
      const name = networkOf(address);
      admit("address", address, limiter.enterRecords("address", name), context);
      request.meter = (records) => limiter.charge("address", name, records);
    },
  };
}
