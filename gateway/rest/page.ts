// Pages of REST: a range relative to now stays, from page to page, the same as on the first.
import { isTime } from "../../codec/row/time.ts";
import { formatTime } from "../../codec/row/time-text.ts";
import { invalidField } from "../errors/reasons.ts";
import { type Cut, readAhead } from "./cut.ts";
import type { ResolvedTime } from "./parameters.ts";
import { toTimestamp } from "./time.ts";

export type Range = { from: bigint | undefined; to: bigint | undefined };
type Asked = {
  from: ResolvedTime | undefined;
  to: ResolvedTime | undefined;
  pageToken: string | undefined;
};

/** Times in the years 1 to 9999 have at most 18 digits. */
const pinned = /^r(-?\d{1,18})?_(-?\d{1,18})?\.(.*)$/s;

/**
 * The range to request and the accessor's own page token. A token from a request with relative
 * times has the resolved times before the accessor's token, and they override the relative times of
 * the next request.
 */
export function resolvePage({ from, to, pageToken }: Asked): Range & { pageToken: string } {
  const range = { from: from?.us, to: to?.us };
  const match = pageToken === undefined ? null : pinned.exec(pageToken);
  if (!match) {
    if (pageToken && (from?.relative || to?.relative)) {
      const hint =
        "this page token belongs to fixed times: repeat the from and to of the first answer with it";
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

function toUs(digits: string | undefined): bigint | undefined {
  if (digits === undefined) return undefined;
  const us = BigInt(digits);
  if (isTime(us)) return us;
  throw invalidField(
    "page_token",
    "was not issued by this server: send next_page_token unchanged",
    "PAGE_TOKEN_INVALID",
  );
}

/** The token to return: the accessor's own, unless the range depends on the time of the request. */
export function toPageToken(next: string, { from, to, pageToken }: Asked, range: Range): string {
  const depends =
    from?.relative || to?.relative || (pageToken !== undefined && pinned.test(pageToken));
  return next !== "" && depends ? `r${range.from ?? ""}_${range.to ?? ""}.${next}` : next;
}

const furthestUs = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * Limits a range to 2^53 µs from 1970, as the accessor does, so that answers echo the range that
 * they cover. An invalid range is left for the accessor to refuse.
 */
function within({ from, to }: Range): Range {
  if (from !== undefined && to !== undefined && from >= to) return { from, to };
  const clamp = (us: bigint | undefined, least: bigint, most: bigint) =>
    us === undefined || (us >= least && us <= most) ? us : us < least ? least : most;
  return {
    from: clamp(from, -furthestUs, furthestUs - 1n),
    to: clamp(to, 1n - furthestUs, furthestUs),
  };
}

/** A range as fields of the contract's requests. */
export function toRangeFields(range: Range) {
  const { from, to } = within(range);
  return {
    ...(from === undefined ? {} : { startTime: toTimestamp(from) }),
    ...(to === undefined ? {} : { endTime: toTimestamp(to) }),
  };
}

/** A range as answers echo it. */
export function echoRange(range: Range) {
  const { from, to } = within(range);
  return {
    from: from === undefined ? undefined : formatTime(from),
    to: to === undefined ? undefined : formatTime(to),
  };
}

/** The next page, with resolved times, so that it stays valid whatever times the request had. */
export type NextPage = { pageToken: string; times: Record<string, string | undefined> };

export const nextPage = (pageToken: string, times: NextPage["times"] = {}): { next?: NextPage } =>
  pageToken === "" ? {} : { next: { pageToken, times } };

/**
 * The Link header to the next page. It is made for each answer from its own request: a cached
 * answer must contain nothing of the first caller.
 */
export function toLink(
  { path, search }: { path: string; search: string },
  next: NextPage,
): Record<string, string> {
  const query = new URLSearchParams(search);
  for (const [name, time] of Object.entries(next.times))
    if (time !== undefined) query.set(name, time);
  query.set("page_token", next.pageToken);
  return { link: `<${path}?${query}>; rel="next"` };
}

/** One page of items. */
export type Page<T> = { items: T[]; nextPageToken: string; cursor: string };

/**
 * For an answer that is not a page itself: all pages from the first on, at most `limit` items, and
 * whether the limit cuts it. The first page has been fetched when it resolves.
 */
export async function fetchPages<T>(
  fetchPage: (page: { pageSize: number; pageToken: string }) => Promise<Page<T>>,
  limit: number | undefined,
): Promise<{ cursor: string; cut: Cut | undefined; pages: AsyncGenerator<T[], void, undefined> }> {
  let missing = limit ?? Number.POSITIVE_INFINITY;
  let pageToken: string | undefined = "";
  const next = async () => {
    if (pageToken === undefined) return undefined;
    // Fetch one more than is returned, to know whether that is all.
    const page: Page<T> = await fetchPage({ pageSize: Math.min(missing + 1, 10_000), pageToken });
    missing -= page.items.length;
    pageToken = page.nextPageToken || undefined;
    return page;
  };
  const { ahead, cut } = await readAhead(next, { limit, rowsOf: ({ items }) => items.length });
  const cursor = ahead[0]!.cursor;
  async function* pages() {
    let left = limit ?? Number.POSITIVE_INFINITY;
    for (let page = ahead.shift(); page !== undefined; page = ahead.shift() ?? (await next())) {
      yield page.items.slice(0, left);
      left -= page.items.length;
      if (left <= 0) return;
    }
  }
  return { cursor, cut, pages: pages() };
}

/** Refuses a page token if the answer has no pages. */
export function assertNoPageToken(pageToken: string | undefined, format: string): void {
  if (pageToken) throw invalidField("page_token", `${format} has no pages: leave page_token out`);
}
