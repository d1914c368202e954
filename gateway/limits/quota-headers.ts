// Quotas as an answer's headers: RateLimit-Policy and RateLimit of the IETF's draft
// (draft-ietf-httpapi-ratelimit-headers-10), Retry-After.
import type { Quota } from "./limiter.ts";

/**
 * RateLimit-Policy names each quota with what may come at once (`q`) in the seconds it takes to
 * come back (`w`); RateLimit says what is left (`r`) and when it is whole again, or, once refused,
 * when to try again (`t`). Units other than requests have no registered name.
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

/** Of a time in milliseconds, never too early. */
export const seconds = (ms: number): number => Math.ceil(ms / 1_000);
