// Quotas as headers of an answer: RateLimit-Policy and RateLimit of the IETF's draft
// (draft-ietf-httpapi-ratelimit-headers-10), and Retry-After.
import type { Quota } from "./limiter.ts";

/**
 * RateLimit-Policy has each quota with its burst (`q`) and the seconds in which it refills (`w`);
 * RateLimit has what is left (`r`) and when it is full again or, after a refusal, when to retry
 * (`t`). Units other than requests have no registered name.
 */
export function quotaHeaders(quotas: readonly Quota[]): Record<string, string> {
  if (quotas.length === 0) return {};
  return {
    "ratelimit-policy": quotas
      .map(
        ({ name, rate: { burst, perSecond } }) =>
          `"${name}";q=${Math.floor(burst)};w=${seconds((burst / perSecond) * 1_000)}`,
      )
      .join(", "),
    ratelimit: quotas
      .map(
        ({ name, taken: { granted, remaining, retryMs, resetMs } }) =>
          `"${name}";r=${remaining};t=${seconds(granted ? resetMs : retryMs)}`,
      )
      .join(", "),
  };
}

/** Milliseconds in whole seconds, rounded up so that a retry is never too early. */
export const seconds = (ms: number): number => Math.ceil(ms / 1_000);
