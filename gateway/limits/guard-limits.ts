// The limiter on requests: what each one counts as, its quotas in the answer's headers, and the meter for the records that it brings.
import { type ContextKey, createContextKey } from "@connectrpc/connect";
import type { FastifyReply, FastifyRequest } from "fastify";
import { createRefusalAudit } from "../../access/audit.ts";
import type { Log } from "../../runtime/log.ts";
import { type AddressReader, isLoopback, networkOf } from "./client-address.ts";
import type { ClientKind, Demand, Limiter, Quota } from "./limiter.ts";
import { whenOver } from "./over.ts";
import { quotaHeaders } from "./quota-headers.ts";

/** Told of records that have come; answers how long to read no further, in milliseconds. */
export type Meter = (records: number) => number;

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whether its body or answer may go on for as long as the client likes. */
    streams?: boolean;
    /** Whether it brings records. */
    writes?: boolean;
  }
  interface FastifyRequest {
    meter?: Meter;
    quotas?: Quota[];
  }
}

/** The meter of a call in Connect, gRPC or gRPC-Web. */
export const meterKey: ContextKey<Meter | undefined> = createContextKey<Meter | undefined>(undefined, {
  description: "the meter of records",
});

export type LimitOptions = {
  limiter: Limiter;
  addresses: AddressReader;
  /** Whether clients on this machine have limits as addresses. Those of keys hold for everyone. */
  limitLoopback: boolean;
  log: Log;
};

export type LimitGuard = {
  addressOf(request: FastifyRequest): string;
  /** Throws RATE_LIMITED. Called for the address first, and for the key once it is known. */
  enter(kind: ClientKind, client: string, context: { request: FastifyRequest; reply: FastifyReply }): void;
};

export function createLimitGuard({ limiter, addresses, limitLoopback, log }: LimitOptions): LimitGuard {
  const audit = createRefusalAudit({
    write: (message, fields) => log.warn(message, fields),
    monotonicMs: () => performance.now(),
  });
  const addressOf = ({ raw, headers }: FastifyRequest) =>
    addresses.of(raw.socket.remoteAddress, (name) => headers[name]?.toString());

  return {
    addressOf,
    enter(kind, client, { request, reply }) {
      if (kind === "address" && !limitLoopback && isLoopback(client)) return;
      const { rpcPath, streams = false, writes = false } = request.routeOptions.config ?? {};
      const demand: Demand = { streams, writes };
      const name = kind === "address" ? networkOf(client) : client;
      const { quotas, refusal } = limiter.enter(kind, name, demand);
      request.quotas = [...(request.quotas ?? []), ...quotas];
      reply.headers(quotaHeaders(request.quotas));
      if (refusal) {
        const who = kind === "key" ? { principal: client } : {};
        audit({
          method: rpcPath ?? request.url.split("?")[0]!,
          reason: refusal.limit,
          ...who,
          peer: addressOf(request),
        });
        throw refusal.error;
      }
      if (streams) whenOver(reply.raw, () => limiter.leave(kind, name));
      if (!writes) return;
      const before = request.meter;
      request.meter = (records) => Math.max(limiter.charge(kind, name, records), before?.(records) ?? 0);
    },
  };
}
