// For whom a request counts: the principal of its credential, or the address that it came from
// where there is none.
import { type ContextKey, createContextKey } from "@connectrpc/connect";
import type { FastifyRequest } from "fastify";
import { readCredential } from "../../access/credential.ts";

export type Caller = {
  readonly kind: "key" | "address";
  /** A principal's id, an IPv4 address, or a network of IPv6. */
  readonly name: string;
  /** The address or network in any case: for the accessor, where nobody has a key. */
  readonly network: string;
};

declare module "fastify" {
  interface FastifyRequest {
    /** Its address at first; its principal once that is known. */
    caller?: Caller;
    /** Equal for callers that may see the same machines (visibleMachinesKey). */
    visibleMachines?: string;
  }
}

const unknown: Caller = { kind: "address", name: "unknown", network: "unknown" };

export const callerOf = ({ caller }: Pick<FastifyRequest, "caller">): Caller => caller ?? unknown;

/** The credential that a request carries. */
export const credentialOf = ({ headers }: FastifyRequest): string | undefined =>
  readCredential((name) => headers[name]?.toString());

/** The name under which shares count: no address is a principal. */
export const shareName = ({ kind, name }: Caller): string => `${kind} ${name}`;

/** The caller of a call in Connect, gRPC or gRPC-Web. */
export const callerKey: ContextKey<Caller> = createContextKey<Caller>(unknown, {
  description: "the caller",
});
