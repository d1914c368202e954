// Why a call failed, in a sentence for people.
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { failures } from "../english/failures.ts";

/** The contract's reason, such as TOO_MANY_BUCKETS; undefined if the error names none. */
export const reasonOf = (error: unknown): string | undefined =>
  error instanceof ConnectError ? error.findDetails(ErrorInfoSchema)[0]?.reason : undefined;

export const isUnauthenticated = (error: unknown): boolean =>
  error instanceof ConnectError && error.code === Code.Unauthenticated;

/** Whether the same call may succeed later, without a change by the caller. */
export function isPassing(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return (
    code === Code.Unavailable ||
    code === Code.Unknown ||
    code === Code.DeadlineExceeded ||
    code === Code.ResourceExhausted ||
    code === Code.Internal
  );
}

export function toSentence(error: unknown): string {
  const known = ConnectError.from(error);
  if (known.code === Code.Unavailable || known.code === Code.Unknown) return failures.away;
  if (known.code === Code.DeadlineExceeded) return failures.slow;
  if (known.code === Code.Unauthenticated) return failures.keyNeeded;
  const text = known.rawMessage;
  const first = text.slice(0, 1).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
