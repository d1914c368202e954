// What a client's certificate allows: to connect, and for a producer, to send under its own name
// only. If a key is required too, it determines what else its holder may do; both must allow a
// call.
import { createContextKey, createContextValues } from "@connectrpc/connect";
import { fitsAny } from "../../access/glob.ts";
import type { Authorize } from "../../runtime/grpc/authorize.ts";
import { Failure } from "../domain/failure.ts";

/**
 * Patterns of names in certificates. Both empty: any certificate of the authorities allows
 * everything.
 */
export type CertificateRules = {
  /** Gateways and other clients that are bound to no name. */
  clientNames: readonly string[];
  /** Producers, whose ids must be names of their certificates. */
  producerNames: readonly string[];
};

/** Which clients may connect; undefined: all that have a certificate. */
export function toAllowsClient({ clientNames, producerNames }: CertificateRules) {
  const all = [...clientNames, ...producerNames];
  return all.length === 0
    ? undefined
    : (names: readonly string[]) => names.some((name) => fitsAny(all, name));
}

/** The names that the caller's producer ids must come from; undefined: any id. */
export const boundNamesKey = createContextKey<readonly string[] | undefined>(undefined, {
  description: "bound names",
});

/**
 * Adds the certificate's limits to those of the credential. undefined if there is nothing to check.
 */
export function bindToCertificates(
  authorize: Authorize | undefined,
  { clientNames, producerNames }: CertificateRules,
): Authorize | undefined {
  if (producerNames.length === 0) return authorize;
  return async (head) => {
    const { contextValues = createContextValues(), ...rest } = (await authorize?.(head)) ?? {};
    const names = head.certificateNames();
    const isBound = !names.some((name) => fitsAny(clientNames, name));
    const own = names.filter((name) => fitsAny(producerNames, name));
    return {
      ...rest,
      contextValues: isBound ? contextValues.set(boundNamesKey, own) : contextValues,
    };
  };
}

/**
 * An id must be one of the names, or one of them with one more part: a spool's `mill-7.live`. Fails
 * with PERMISSION_DENIED.
 */
export function assertBound(names: readonly string[] | undefined, producerId: string): void {
  const fits = (name: string) =>
    producerId === name ||
    (producerId.startsWith(`${name}.`) && !producerId.includes(".", name.length + 1));
  if (names === undefined || names.some(fits)) return;
  const shown = producerId.slice(0, 200);
  throw new Failure(
    "PERMISSION_DENIED",
    `the client's certificate is not that of producer ${JSON.stringify(shown)}`,
    {
      metadata: { producer_id: shown },
    },
  );
}
