// The windows of questions that sum up: time that has not come yet is in none of them.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Window } from "../history/line-area.ts";
import { answerHead, type Reads } from "../read/answer-revision.ts";
import type { Head } from "../store/log.ts";
import { toTimeRange } from "./check-request.ts";
import type { PageToken } from "./page-token.ts";

type Asked = { startTime?: Timestamp | undefined; endTime?: Timestamp | undefined };

/** Where a question's window lies. It is empty if it ends where it begins. */
export type QuestionWindow = Window & {
  /** Where it would end if all of it had come: what a plot's buckets are chosen by. */
  askedUs: number;
};

/**
 * The window as of a commit: it ends at the end asked for, or when that commit was made, whichever
 * is earlier.
 */
export function windowAt(
  { committedUs }: Pick<Head, "committedUs">,
  { startTime, endTime }: Asked,
): QuestionWindow {
  const { fromUs, toUs } = toTimeRange(startTime, endTime);
  const endUs = Math.max(fromUs, Math.min(toUs, committedUs ?? fromUs));
  return { fromUs, toUs: endUs, askedUs: endTime === undefined ? endUs : toUs };
}

/** The window of a page after the first, which ends where that of the first did. */
export function pagedWindow({ startTime, endTime }: Asked, endUs: number): QuestionWindow {
  const { fromUs, toUs } = toTimeRange(startTime, endTime);
  return { fromUs, toUs: endUs, askedUs: endTime === undefined ? endUs : toUs };
}

/** The commit that an answer is of: that of its first page, or the newest. */
export async function headOf(
  reads: Reads,
  { minCursor }: { minCursor: string },
  { token, abort }: { token: PageToken | undefined; abort: AbortSignal },
): Promise<Head> {
  if (token !== undefined) return { revision: token.revision, committedUs: undefined };
  return answerHead(reads, minCursor, abort);
}
