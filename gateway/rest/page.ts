// Page tokens of REST: a range given relative to now stays, from page to page, the range that it was on the first.
import { invalidField } from "../errors.ts";
import type { ResolvedTime } from "./parameters.ts";

export type Range = { from: bigint | undefined; to: bigint | undefined };
type Asked = { from: ResolvedTime | undefined; to: ResolvedTime | undefined; pageToken: string | undefined };

const pinned = /^r(-?\d+)?_(-?\d+)?\.(.*)$/s;

/**
 * The range to ask for and the accessor's own page token. A token from a request with relative times carries them resolved, in front of
 * the accessor's token, and they win over times that are relative again.
 */
export function resolvePage({ from, to, pageToken }: Asked): Range & { pageToken: string } {
  const range = { from: from?.us, to: to?.us };
  const match = pageToken === undefined ? null : pinned.exec(pageToken);
  if (!match) {
    if (pageToken && (from?.relative || to?.relative)) {
      const hint = "this page token belongs to fixed times: repeat the from and to of the first answer with it";
      throw invalidField("page_token", hint, "PAGE_TOKEN_INVALID");
    }
    return { ...range, pageToken: pageToken ?? "" };
  }
  const [, pinnedFrom, pinnedTo, token = ""] = match;
  return {
    from: from && !from.relative ? from.us : toUs(pinnedFrom),
    to: to && !to.relative ? to.us : toUs(pinnedTo),
    pageToken: token,
  };
}

/** The token to hand out: the accessor's own, unless the range depends on when it was asked. */
export function toPageToken(next: string, { from, to, pageToken }: Asked, range: Range): string {
  const depends = from?.relative || to?.relative || (pageToken !== undefined && pinned.test(pageToken));
  return next !== "" && depends ? `r${range.from ?? ""}_${range.to ?? ""}.${next}` : next;
}

const toUs = (digits: string | undefined) => (digits === undefined ? undefined : BigInt(digits));
