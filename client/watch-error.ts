// Why a watch ends or reconnects: errors that a program can tell apart.
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";

/**
 * What reconnecting cannot mend. INVALID: the request breaks a rule of the contract, or the caller
 * is not allowed to make it. COMMIT_TOO_LARGE: the parts of one commit that the server sends add up
 * to more than any commit can have.
 */
export type WatchErrorReason =
  | "CURSOR_EXPIRED"
  | "CURSOR_FOREIGN"
  | "CURSOR_IN_FUTURE"
  | "INVALID"
  | "COMMIT_TOO_LARGE";

/** Ends a watch. The cause is the server's ConnectError, if it sent one. */
export class WatchError extends Error {
  override readonly name = "WatchError";
  readonly reason: WatchErrorReason;
  /**
   * Of CURSOR_EXPIRED, the earliest cursor to watch after; of CURSOR_FOREIGN and CURSOR_IN_FUTURE,
   * the newest; of COMMIT_TOO_LARGE, the one before the commit. A program that continues from it
   * misses the records in between.
   */
  readonly cursor: string | undefined;

  constructor(
    reason: WatchErrorReason,
    message: string,
    options: { cursor?: string | undefined; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.reason = reason;
    this.cursor = options.cursor;
  }
}

/**
 * A message that does not start where the last one ended: the server skipped or repeated something.
 * None of its records was yielded.
 */
export class FeedBreakError extends Error {
  override readonly name = "FeedBreakError";

  constructor({ expected, got }: { expected: string; got: string }) {
    super(
      `the feed is broken: a message starts after ${got}, and the last one ended at ${expected}`,
    );
  }
}

export const commitTooLarge = (cursor: string | undefined, maxBytes: number): WatchError =>
  new WatchError("COMMIT_TOO_LARGE", `the server sends more than ${maxBytes} bytes as one commit`, {
    cursor,
  });

const cursorReasons = new Set<string>(["CURSOR_EXPIRED", "CURSOR_FOREIGN", "CURSOR_IN_FUTURE"]);
const final = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.PermissionDenied,
  Code.Unauthenticated,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unimplemented,
]);

/** The error that ends a watch, or undefined if reconnecting may help. */
export function toWatchError(problem: unknown): WatchError | undefined {
  if (problem instanceof WatchError) return problem;
  if (!(problem instanceof ConnectError)) return undefined;
  const info = problem.findDetails(ErrorInfoSchema)[0];
  const { rawMessage: message } = problem;
  if (info !== undefined && cursorReasons.has(info.reason)) {
    const { earliest_cursor: earliest, latest_cursor: latest } = info.metadata;
    return new WatchError(info.reason as WatchErrorReason, message, {
      cursor: earliest ?? latest,
      cause: problem,
    });
  }
  return final.has(problem.code)
    ? new WatchError("INVALID", message, { cause: problem })
    : undefined;
}
