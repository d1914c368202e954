// JSON Web Tokens: verifies them against the issuer's published keys, and reads what their claims
// allow. Each call verifies its token, so that a key that the issuer withdraws admits callers no
// longer than its key set is kept (10 minutes).
import { createHash } from "node:crypto";
import { errors, type JWTPayload, jwtVerify } from "jose";
import { isGlob } from "../../access/glob.ts";
import { readMachinePattern } from "../../access/machine-pattern.ts";
import { gatewayProducers, type Principal, scopes } from "../../access/principal.ts";
import { Failure } from "../domain/failure.ts";
import type { Authenticate } from "./authorize.ts";
import { createIssuerKeys, IssuerUnavailable } from "./issuer-keys.ts";
import { ownerOfSubject } from "./owner.ts";

export type TokenOptions = {
  issuer: string;
  audience: string;
  /**
   * Where the issuer publishes its keys. Fetched again for an unknown key, at most every cooldownMs
   * (default 30 s).
   */
  jwksUrl: string;
  cooldownMs?: number;
  /** Milliseconds that only go forward, for the cooldown. */
  monotonicMs?: () => number;
  /** Time limit of one request. Default 3 s. */
  timeoutMs?: number;
};

// Only signatures by key pairs: with a shared secret, any verifier could also issue tokens. Never
// "none".
const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
const clockToleranceS = 2;
const maxTimerMs = 2 ** 31 - 1;

export function createTokenVerifier(options: TokenOptions): Authenticate {
  const { issuer, audience, jwksUrl, ...asking } = options;
  const keys = createIssuerKeys({ url: jwksUrl, ...asking });
  const rules = {
    issuer,
    audience,
    algorithms,
    clockTolerance: clockToleranceS,
    requiredClaims: ["sub", "exp"],
  };
  const endings = createEndings();
  return async (token) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, rules);
      if (!isAccessToken(protectedHeader.typ)) return undefined;
      const principal = toPrincipal(payload);
      return {
        principal,
        owner: ownerOfSubject(principal.id),
        ended: endings.of(token, principal.expiresMs!),
      };
    } catch (error) {
      if (isTokensFault(error)) return undefined;
      // The first failure has a cause, which is logged; repeated failures within the cooldown have
      // none.
      const known = error instanceof IssuerUnavailable;
      throw new Failure(
        "ISSUER_UNAVAILABLE",
        "the keys of the token's issuer could not be fetched: try again",
        {
          retryAfterMs: known ? error.retryAfterMs : 1_000,
          cause: known ? error.cause : error,
        },
      );
    }
  };
}

/** Whether the token is at fault, and not access to the issuer's keys. */
const isTokensFault = (error: unknown): boolean => error instanceof errors.JOSEError;

/**
 * Whether a type marks an access token (RFC 9068), or the issuer does not distinguish types. Tokens
 * of other kinds (logout, proof of possession) are signed with the same keys and must not be
 * accepted.
 */
function isAccessToken(type: string | undefined): boolean {
  const kind = type?.toLowerCase().replace(/^application\//, "");
  return kind === undefined || kind === "jwt" || kind === "at+jwt";
}

/**
 * scope (words with spaces) or scp (a list): read, live, write, admin, also as millrace:read.
 * millrace_machines, millrace_producers: patterns, as a list, or as a text separated by spaces (for
 * patterns without spaces). A claim that is missing or has another form allows nothing.
 */
export function toPrincipal(claims: JWTPayload): Principal {
  const granted = words(claims["scope"] ?? claims["scp"]).map((word) =>
    word.replace(/^millrace:/, ""),
  );
  const producers = claims["millrace_producers"];
  return {
    id: `${claims.iss}#${claims.sub}`,
    name: String(claims.sub),
    scopes: scopes.filter((scope) => granted.includes(scope)),
    machines: words(claims["millrace_machines"]).flatMap(
      (pattern) => readMachinePattern(pattern) ?? [],
    ),
    producers: producers === undefined ? gatewayProducers : words(producers).filter(isGlob),
    expiresMs: claims.exp! * 1_000,
  };
}

function words(claim: unknown): string[] {
  const list = typeof claim === "string" ? claim.split(" ") : Array.isArray(claim) ? claim : [];
  return list.filter((word) => typeof word === "string" && word !== "");
}

/** One abort signal and one timer for each token in use, however many calls use it. */
function createEndings() {
  const signals = new Map<string, AbortSignal>();
  return {
    of(token: string, expiresMs: number): AbortSignal {
      const digest = createHash("sha256").update(token).digest("base64");
      const known = signals.get(digest);
      if (known) return known;
      const controller = new AbortController();
      const end = () => {
        signals.delete(digest);
        controller.abort(
          new Failure("UNAUTHENTICATED", "the token that opened this stream has expired"),
        );
      };
      // A token that has just expired is still accepted, because clocks differ.
      setTimeout(
        end,
        Math.min(Math.max(expiresMs - Date.now(), 0) + clockToleranceS * 1_000, maxTimerMs),
      ).unref();
      signals.set(digest, controller.signal);
      return controller.signal;
    },
  };
}
