// Finds the principal of a credential: of one of our keys, or of a token from a trusted issuer.
import type { Authorize } from "../../runtime/grpc/authorize.ts";
import type { Log } from "../../runtime/log.ts";
import type { Database } from "../store/database.ts";
import { createAuthorize } from "./authorize.ts";
import { openKeyring } from "./keyring.ts";
import { ownerOfKey } from "./owner.ts";
import { createTokenVerifier, type TokenOptions } from "./tokens.ts";

export type AuthOptions = {
  /** Tokens to accept besides keys; undefined: none. */
  tokens?: TokenOptions | undefined;
};

/** Loads the keys and keeps them fresh until disposed. */
export async function openAuthentication(
  { tokens }: AuthOptions,
  { database, log }: { database: Database; log: Log },
): Promise<AsyncDisposable & { authorize: Authorize }> {
  const keyring = await openKeyring({ database, log });
  const verify = tokens && createTokenVerifier(tokens);
  const authenticate = async (credential: string) => {
    // Only a token has dots.
    if (verify !== undefined && credential.includes(".")) return verify(credential);
    const held = keyring.find(credential);
    return held && { principal: held.key, owner: ownerOfKey(held.key.identity), ended: held.ended };
  };
  return {
    authorize: createAuthorize({ authenticate, log }),
    [Symbol.asyncDispose]: () => keyring[Symbol.asyncDispose](),
  };
}
