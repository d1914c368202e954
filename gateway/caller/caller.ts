// The caller that a request counts for: the principal of its credential, or its address if there is
// none.
import { type ContextKey, createContextKey } from "@connectrpc/connect";
import type { FastifyRequest } from "fastify";
import { readCredential } from "../../access/credential.ts";

export type Caller = {
  readonly kind: "key" | "address";
  /** A principal's id, an IPv4 address, or a network of IPv6. */
  readonly name: string;
  /** Always the address or network: for the accessor, if callers have no keys. */
  readonly network: string;
};

declare module "fastify" {
  interface FastifyRequest {
    /** At first its address, then its principal once that is known. */
    caller?: Caller;
    /** Equal for callers that may see the same machines (visibleMachinesKey). */
    visibleMachines?: string;
  }
}

const unknown: Caller = { kind: "address", name: "unknown", network: "unknown" };

export const callerOf = ({ caller }: Pick<FastifyRequest, "caller">): Caller => caller ?? unknown;

/** The credential of a request. */
export const credentialOf = ({ headers }: FastifyRequest): string | undefined =>
  readCredential((name) => headers[name]?.toString());

/** The name under which shares count: an address never equals a principal. */
export const shareName = ({ kind, name }: Caller): string => `${kind} ${name}`;

/** The caller of a call in Connect, gRPC or gRPC-Web. */
export const callerKey: ContextKey<Caller> = createContextKey<Caller>(unknown, {
  description: "the caller",
});
