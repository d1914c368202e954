// The caller of a call, as its handler sees it, and what the caller may see and write.
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import {
  allowedMachines,
  allowsProducer,
  type Principal,
  visibleMachinesKey,
} from "../../access/principal.ts";
import { compareText } from "../../codec/compare-text.ts";
import { Failure } from "../domain/failure.ts";
import type { VisibleMachines } from "../feed/filter.ts";
import type { Listing } from "../read/answer-revision.ts";
import type { Catalog } from "../store/catalog.ts";
import type { Selection } from "../store/series.ts";
import { assertBound, boundNamesKey } from "./certificates.ts";

type Call = Pick<HandlerContext, "values">;

/** undefined: authentication is off, and every caller may do everything. */
export const callerKey = createContextKey<Principal | undefined>(undefined, {
  description: "the caller",
});

/** The owner of the caller's producers (see owner.ts); undefined: authentication is off. */
export const ownerKey = createContextKey<string | undefined>(undefined, {
  description: "the owner of producers",
});

export const ownerOf = ({ values }: Call): string | undefined => values.get(ownerKey);

/** Which machines the caller may see and write; undefined: all. */
export function permitsOf({ values }: Call): ((machine: string) => boolean) | undefined {
  const caller = values.get(callerKey);
  return caller && allowedMachines(caller);
}

/**
 * The part of a catalog that the caller may see: other machines seem never to have sent anything.
 */
export function seeCatalog(
  catalog: Catalog,
  call: Call,
): { catalog: Listing; visible: VisibleMachines | undefined } {
  const caller = call.values.get(callerKey);
  const permits = permitsOf(call);
  if (caller === undefined || permits === undefined) return { catalog, visible: undefined };
  const own = () => catalog.machinesFitting(caller.machines);
  const select = async ({ machines, signals }: Selection) => {
    const names = machines.length > 0 ? machines.filter(permits) : await own();
    return names.length === 0 ? [] : catalog.select({ machines: names, signals });
  };
  const seen: Listing = {
    select,
    async machines(after, limit) {
      const names = (await own()).filter((name) => compareText(name, after) > 0).slice(0, limit);
      return names.map((name) => catalog.machine(name)!);
    },
    // The id comes from a page token, which was made for the same caller.
    machineName: (id) => catalog.machineName(id),
    anyOf: async (signal) => (await select({ machines: [], signals: [signal] }))[0],
    signalNames: async () => [
      ...new Set((await select({ machines: [], signals: [] })).map(({ signal }) => signal)),
    ],
  };
  return { catalog: seen, visible: { permits, key: visibleMachinesKey(caller) } };
}

/** Fails with PERMISSION_DENIED if the caller may not number batches under a producer's id. */
export function assertProducer({ values }: Call, producerId: string): void {
  assertBound(values.get(boundNamesKey), producerId);
  const caller = values.get(callerKey);
  if (caller === undefined || allowsProducer(caller, producerId)) return;
  const name = producerId.slice(0, 200);
  throw new Failure(
    "PERMISSION_DENIED",
    `the credential does not cover producer ${JSON.stringify(name)}`,
    {
      metadata: { producer_id: name },
    },
  );
}
