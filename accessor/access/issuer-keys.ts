// The keys that an issuer publishes: fetched when they are needed, kept for a while, and bounded in
// every way that an answer can be.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

export type IssuerKeysOptions = {
  /** Where they are published. A redirect is not followed. */
  url: string;
  /** Least time between two questions. Default 30 s. */
  cooldownMs?: number;
  /** Milliseconds that only go forward. */
  monotonicMs?: () => number;
  /** For the question as a whole. Default 3 s. */
  timeoutMs?: number;
};

/** Nobody knows the issuer's keys. */
export class IssuerUnavailable extends Error {
  override readonly name = "IssuerUnavailable";
  readonly retryAfterMs: number;
  constructor(retryAfterMs: number, options?: ErrorOptions) {
    super("the issuer's keys could not be fetched", options);
    this.retryAfterMs = Math.max(1_000, retryAfterMs);
  }
}

const keptMs = 600_000;
/** A question that failed is asked again after this, or after the cooldown if that is shorter. */
const failedMs = 10_000;
const maxBytes = 1024 * 1024;
const maxKeys = 100;

type Keys = ReturnType<typeof createLocalJWKSet>;

/**
 * Gives the key that a token names. One question at a time, however many wait for it; while one
 * that failed is fresh, all are told so at once. Rejects with IssuerUnavailable, or jose's error
 * where the token names no key.
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
      // It may be new: nobody knows while the issuer is being asked or does not answer, and else it
      // was asked a while ago.
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
    // What is left of an answer that was not read to its end.
    stop.abort();
  }
}

/** Read piece by piece: what a length says, or what is compressed, nobody has to believe. */
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
