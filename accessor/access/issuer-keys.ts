// The keys that an issuer publishes: fetched when needed, kept for a while, with bounds on the time
// and size of every answer.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

export type IssuerKeysOptions = {
  /** Where the keys are published. Redirects are not followed. */
  url: string;
  /** Least time between two requests. Default 30 s. */
  cooldownMs?: number;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
  /** Time limit of a whole request. Default 3 s. */
  timeoutMs?: number;
};

/** The issuer's keys are not available. */
export class IssuerUnavailable extends Error {
  override readonly name = "IssuerUnavailable";
  readonly retryAfterMs: number;
  constructor(retryAfterMs: number, options?: ErrorOptions) {
    super("the issuer's keys could not be fetched", options);
    this.retryAfterMs = Math.max(1_000, retryAfterMs);
  }
}

const keptMs = 600_000;
/** A failed request is repeated after this time, or after the cooldown if that is shorter. */
const failedMs = 10_000;
const maxBytes = 1024 * 1024;
const maxKeys = 100;

type Keys = ReturnType<typeof createLocalJWKSet>;

/**
 * Finds the key that a token names. Makes one request at a time, however many callers wait for it;
 * shortly after a failed one, all fail at once. Rejects with IssuerUnavailable, or with jose's
 * error if the token names no known key.
 */
export function createIssuerKeys(options: IssuerKeysOptions): JWTVerifyGetKey {
  const {
    url,
    cooldownMs = 30_000,
    monotonicMs = () => performance.now(),
    timeoutMs = 3_000,
  } = options;
  const failureMs = Math.min(cooldownMs, failedMs);
  let kept: { keys: Keys; atMs: number } | undefined;
  let failed: { atMs: number } | undefined;
  let askedMs = Number.NEGATIVE_INFINITY;
  let asking: Promise<Keys> | undefined;

  const fetchNow = async (): Promise<Keys> => {
    askedMs = monotonicMs();
    try {
      const keys = await fetchKeys(url, timeoutMs);
      kept = { keys, atMs: askedMs };
      failed = undefined;
      return keys;
    } catch (cause) {
      failed = { atMs: monotonicMs() };
      throw new IssuerUnavailable(failureMs, { cause });
    }
  };
  const ask = (): Promise<Keys> => {
    const leftMs = failed ? failed.atMs + failureMs - monotonicMs() : 0;
    if (leftMs > 0) return Promise.reject(new IssuerUnavailable(leftMs));
    asking ??= fetchNow().finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return async (header, token) => {
    const fresh = kept && monotonicMs() - kept.atMs < keptMs ? kept.keys : undefined;
    if (fresh === undefined) return (await ask())(header, token);
    try {
      return await fresh(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      // The key may be new. That is unknown while a request runs or has failed; otherwise the last
      // request was a while ago.
      const isAnswered = asking === undefined && failed === undefined;
      if (isAnswered && monotonicMs() - askedMs < cooldownMs) throw error;
      return (await ask())(header, token);
    }
  };
}

async function fetchKeys(url: string, timeoutMs: number): Promise<Keys> {
  const stop = new AbortController();
  const timer = setTimeout(
    () => stop.abort(new Error(`no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    const headers = { accept: "application/jwk-set+json, application/json" };
    const response = await fetch(url, { redirect: "manual", headers, signal: stop.signal });
    if (response.status !== 200) throw new Error(`status ${response.status} instead of a key set`);
    const set = JSON.parse(await readBounded(response)) as JSONWebKeySet;
    if (Array.isArray(set?.keys) && set.keys.length > maxKeys)
      throw new Error(`the key set has more than ${maxKeys} keys`);
    return createLocalJWKSet(set);
  } finally {
    clearTimeout(timer);
    // Cancel the rest of an answer that was not read to its end.
    stop.abort();
  }
}

/** Reads piece by piece, since neither a declared length nor a compressed size can be trusted. */
async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) throw new Error("the key set has more than 1 MiB");
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}
