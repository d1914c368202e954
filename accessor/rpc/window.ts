// The windows of aggregate queries: they never include time in the future.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Window } from "../history/line-area.ts";
import { answerHead, type Reads } from "../read/answer-revision.ts";
import type { Head } from "../store/log.ts";
import { toTimeRange } from "./check-request.ts";
import type { PageToken } from "./page-token.ts";

type Asked = { startTime?: Timestamp | undefined; endTime?: Timestamp | undefined };

/** The window of a query. It is empty if it ends where it begins. */
export type QuestionWindow = Window & {
  /** The requested end, even if it is in the future: the buckets of a plot depend on it. */
  askedUs: number;
};

/**
 * The window as of a commit: it ends at the requested end or at the commit's time, whichever is
 * earlier.
 */
export function windowAt(
  { committedUs }: Pick<Head, "committedUs">,
  { startTime, endTime }: Asked,
): QuestionWindow {
  const { fromUs, toUs } = toTimeRange(startTime, endTime);
  const endUs = Math.max(fromUs, Math.min(toUs, committedUs ?? fromUs));
  return { fromUs, toUs: endUs, askedUs: endTime === undefined ? endUs : toUs };
}

/** The window of a page after the first, which ends where the first page's window did. */
export function pagedWindow({ startTime, endTime }: Asked, endUs: number): QuestionWindow {
  const { fromUs, toUs } = toTimeRange(startTime, endTime);
  return { fromUs, toUs: endUs, askedUs: endTime === undefined ? endUs : toUs };
}

/** The commit that an answer is as of: that of its first page, or the newest. */
export async function headOf(
  reads: Reads,
  { minCursor }: { minCursor: string },
  { token, abort }: { token: PageToken | undefined; abort: AbortSignal },
): Promise<Head> {
  if (token !== undefined) return { revision: token.revision, committedUs: undefined };
  return answerHead(reads, minCursor, abort);
}
