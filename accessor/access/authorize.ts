// Admits or refuses calls before a message is read: finds the principal of the credential, then
// checks the method.
import { createContextValues } from "@connectrpc/connect";
import { createRefusalAudit } from "../../access/audit.ts";
import { readCredential } from "../../access/credential.ts";
import { allowsCall, requirementOf, unauthenticated } from "../../access/matrix.ts";
import type { Principal } from "../../access/principal.ts";
import type { Authorize } from "../../runtime/grpc/authorize.ts";
import type { Log } from "../../runtime/log.ts";
import { Failure } from "../domain/failure.ts";
import { callerKey, ownerKey } from "./caller.ts";

export type Authenticated = {
  principal: Principal;
  /** The owner of the caller's producers. */
  owner: string;
  /** Aborted when the credential ends. */
  ended: AbortSignal;
};

/** Finds the holder of a credential; undefined if it is invalid. */
export type Authenticate = (credential: string) => Promise<Authenticated | undefined>;

/** Fails with UNAUTHENTICATED or PERMISSION_DENIED, and logs the refusal. */
export function createAuthorize({
  authenticate,
  log,
}: {
  authenticate: Authenticate;
  log: Log;
}): Authorize {
  const audit = createRefusalAudit({
    write: (message, fields) => log.warn(message, fields),
    monotonicMs: () => performance.now(),
  });
  return async ({ path, header, peer }) => {
    const contextValues = createContextValues();
    if (requirementOf(path) === "none") return { contextValues };
    const credential = readCredential(header);
    const found = credential === undefined ? undefined : await authenticate(credential);
    const denial = found
      ? allowsCall(found.principal, path)
      : unauthenticated(credential !== undefined);
    if (denial) {
      audit({ method: path, reason: denial.reason, principal: found?.principal.id, peer });
      throw new Failure(denial.reason, denial.message, { metadata: denial.metadata });
    }
    contextValues.set(callerKey, found!.principal).set(ownerKey, found!.owner);
    return { contextValues, abort: found!.ended };
  };
}
