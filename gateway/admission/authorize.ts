// Admits or refuses requests before their bodies are read, by asking the accessor about their
// credential. The accessor checks again: the gateway saves both of them the work of refused
// requests, and no protection depends on it.
import { createHash } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import {
  type Principal as PrincipalMessage,
  Scope as ScopeValue,
} from "#gen/millrace/v1/access_pb.ts";
import { createRefusalAudit } from "../../access/audit.ts";
import { allowsCall, type Denial, requirementOf, unauthenticated } from "../../access/matrix.ts";
import type { Principal, Scope } from "../../access/principal.ts";
import type { Log } from "../../runtime/log.ts";
import { reasonError, relayError } from "../errors/reasons.ts";
import type { Upstream } from "../upstream/upstream.ts";

export type AuthorizerOptions = {
  upstream: Upstream;
  log: Log;
  /**
   * Refuse every caller that the accessor does not identify, also while the accessor is unavailable
   * or has authentication off. Default false.
   */
  mustAuthenticate?: boolean;
  /** How long an answer of the accessor is used. Default 2 s. */
  believedMs?: number;
  /** Most answers to keep. Default 10,000. */
  maxAnswers?: number;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
};

export type CallToAuthorize = {
  /** Path of the RPC that the request calls: "/package.Service/Method". */
  path: string;
  credential: string | undefined;
  peer: string;
};

/**
 * Finds the caller's principal; undefined if none is required: authentication is off, the method is
 * open to all, or the accessor is unavailable. Rejects with the error to answer with:
 * UNAUTHENTICATED, PERMISSION_DENIED or ISSUER_UNAVAILABLE.
 */
export type Authorizer = ((request: CallToAuthorize) => Promise<Principal | undefined>) & {
  /** Whether the accessor admits every caller. Rejects with UNAVAILABLE while that is unknown. */
  isAuthenticationOff(): Promise<boolean>;
};

/**
 * open: authentication is off. undecided: the accessor does not answer; it will decide itself when
 * it does.
 */
type Answer = { kind: "open" | "undecided" | "nobody" } | { kind: "known"; principal: Principal };

const timeoutMs = 2_000;

export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const {
    upstream,
    log,
    mustAuthenticate = false,
    believedMs = 2_000,
    maxAnswers = 10_000,
  } = options;
  const { monotonicMs = () => performance.now() } = options;
  const answers = new Map<string, { answer: Promise<Answer>; askedMs: number }>();
  let open: { askedMs: number } | undefined;
  const audit = createRefusalAudit({
    write: (message, fields) => log.warn(message, fields),
    monotonicMs,
  });

  const ask = async (credential: string | undefined): Promise<Answer> => {
    const askedMs = monotonicMs();
    const answer = await whoIs(upstream, credential);
    // While the accessor is unavailable, its last answer holds.
    if (answer.kind !== "undecided") open = answer.kind === "open" ? { askedMs } : undefined;
    return answer;
  };

  /** Makes one request at a time for a credential, and keeps its answer for a while. */
  const answerFor = (credential: string | undefined): Promise<Answer> => {
    const key =
      credential === undefined ? "" : createHash("sha256").update(credential).digest("base64");
    const nowMs = monotonicMs();
    const kept = answers.get(key);
    if (kept && nowMs - kept.askedMs < believedMs) return kept.answer;
    answers.delete(key);
    if (answers.size >= maxAnswers) answers.delete(answers.keys().next().value!);
    const answer = ask(credential);
    const entry = { answer, askedMs: nowMs };
    answers.set(key, entry);
    const forget = () => answers.get(key) === entry && answers.delete(key);
    answer.then(({ kind }) => kind === "undecided" && forget(), forget);
    return answer;
  };

  const authorize = async ({ path, credential, peer }: CallToAuthorize) => {
    if (requirementOf(path) === "none") return undefined;
    if (open !== undefined && !mustAuthenticate) {
      // No request waits to learn that authentication was turned on: the accessor itself already
      // enforces it.
      if (monotonicMs() - open.askedMs >= believedMs) answerFor(credential).catch(() => {});
      return undefined;
    }
    const answer = await answerFor(credential);
    if (answer.kind === "open" || answer.kind === "undecided") {
      if (mustAuthenticate)
        throw answer.kind === "open" ? authenticationOff() : relayError(accessorAway);
      return undefined;
    }
    const principal = answer.kind === "known" ? answer.principal : undefined;
    const denial = principal
      ? allowsCall(principal, path)
      : unauthenticated(credential !== undefined);
    if (denial === undefined) return principal;
    audit({ method: path, reason: denial.reason, principal: principal?.id, peer });
    throw toError(denial);
  };
  return Object.assign(authorize, {
    async isAuthenticationOff() {
      const { kind } = await answerFor(undefined);
      if (kind === "undecided") throw relayError(accessorAway);
      return kind === "open";
    },
  });
}

const accessorAway = new ConnectError("the accessor does not answer", Code.Unavailable);
const authenticationOff = () =>
  new ConnectError(
    "the accessor has authentication off; the gateway serves other machines only while it is on",
    Code.Unavailable,
  );

/** Whether the accessor admits every caller; false also if it does not answer. */
export const isAuthenticationOff = async (upstream: Upstream): Promise<boolean> =>
  (await whoIs(upstream, undefined)).kind === "open";

function toError({ reason, message, metadata }: Denial): ConnectError {
  const code = reason === "UNAUTHENTICATED" ? Code.Unauthenticated : Code.PermissionDenied;
  return reasonError(reason, code, message, { metadata });
}

async function whoIs(upstream: Upstream, credential: string | undefined): Promise<Answer> {
  try {
    const { open, principal } = await upstream.as(credential).access.whoAmI({}, { timeoutMs });
    return open || principal === undefined
      ? { kind: "open" }
      : { kind: "known", principal: toPrincipal(principal) };
  } catch (error) {
    const known = ConnectError.from(error);
    if (known.code === Code.Unauthenticated) return { kind: "nobody" };
    // An accessor of a version without authentication.
    if (known.code === Code.Unimplemented) return { kind: "open" };
    if (known.findDetails(ErrorInfoSchema)[0]?.reason === "ISSUER_UNAVAILABLE")
      throw relayError(known);
    return { kind: "undecided" };
  }
}

const scopeOf: Partial<Record<ScopeValue, Scope>> = {
  [ScopeValue.READ]: "read",
  [ScopeValue.LIVE]: "live",
  [ScopeValue.WRITE]: "write",
  [ScopeValue.ADMIN]: "admin",
};

function toPrincipal({
  id,
  name,
  scopes,
  machines,
  producers,
  expireTime,
}: PrincipalMessage): Principal {
  return {
    id,
    name,
    scopes: scopes.flatMap((scope) => scopeOf[scope] ?? []),
    machines,
    producers,
    expiresMs: expireTime && Number(expireTime.seconds) * 1_000 + expireTime.nanos / 1e6,
  };
}
