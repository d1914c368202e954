// Converts every error to a gRPC status: a Failure's reason gives the code and the details; an
// unexpected error becomes INTERNAL with an id.
import { randomBytes } from "node:crypto";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";
import { MessageTooLarge } from "../../runtime/grpc/message-limits.ts";
import { causeChain, type Log } from "../../runtime/log.ts";
import { Failure, type Reason } from "../domain/failure.ts";

const codes: Partial<Record<Reason, Code>> = {
  REQUEST_INVALID: Code.InvalidArgument,
  MACHINE_NAME_INVALID: Code.InvalidArgument,
  SIGNAL_NAME_INVALID: Code.InvalidArgument,
  MACHINE_UNKNOWN: Code.NotFound,
  SIGNAL_UNKNOWN: Code.NotFound,
  TIME_RANGE_INVALID: Code.InvalidArgument,
  PAGE_TOKEN_INVALID: Code.InvalidArgument,
  PAGE_TOKEN_EXPIRED: Code.FailedPrecondition,
  CURSOR_INVALID: Code.InvalidArgument,
  CURSOR_EXPIRED: Code.OutOfRange,
  CURSOR_FOREIGN: Code.FailedPrecondition,
  CURSOR_IN_FUTURE: Code.OutOfRange,
  HELLO_REQUIRED: Code.InvalidArgument,
  PRODUCER_ID_INVALID: Code.InvalidArgument,
  SEQUENCE_GAP: Code.OutOfRange,
  SEQUENCE_CONFLICT: Code.AlreadyExists,
  DATABASE_UNSAFE: Code.FailedPrecondition,
  DATABASE_UNAVAILABLE: Code.Unavailable,
  OVERLOADED: Code.ResourceExhausted,
  MESSAGE_TOO_LARGE: Code.ResourceExhausted,
  SHUTTING_DOWN: Code.Unavailable,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  SIGNAL_NOT_NUMERIC: Code.InvalidArgument,
  TOO_MANY_BUCKETS: Code.InvalidArgument,
  TIME_ZONE_UNKNOWN: Code.InvalidArgument,
  UNAUTHENTICATED: Code.Unauthenticated,
  PERMISSION_DENIED: Code.PermissionDenied,
  ISSUER_UNAVAILABLE: Code.Unavailable,
  ANSWER_TOO_LARGE: Code.ResourceExhausted,
  RATE_LIMITED: Code.ResourceExhausted,
  QUOTA_EXCEEDED: Code.ResourceExhausted,
  SLOW_READER: Code.ResourceExhausted,
  QUESTION_TOO_LARGE: Code.InvalidArgument,
};

/** The one mapping of the accessor's errors to those of clients. Logs what clients do not get. */
export function toConnectError(
  error: unknown,
  { method, log }: { method: string; log: Log },
): ConnectError {
  if (error instanceof MessageTooLarge) return toConnectError(tooLarge(error), { method, log });
  if (error instanceof ConnectError) return error;
  if (error instanceof Failure) {
    const code = codes[error.reason];
    if (code !== undefined) {
      // An expected error: its cause is enough for the log, without a stack.
      if (error.cause !== undefined)
        log.warn(error.message, { method, reason: error.reason, cause: causeChain(error.cause) });
      if (error.reason === "ANSWER_TOO_LARGE")
        log.error("response too large to send", { method, error });
      return withDetails(error, code);
    }
  }
  const id = randomBytes(4).toString("hex");
  log.error("unexpected error in call", { method, id, error });
  const failure = new Failure("INTERNAL", `internal error (${id})`, {
    metadata: { id },
  });
  return withDetails(failure, Code.Internal);
}

const tooLarge = ({ rawMessage, limit, max }: MessageTooLarge) =>
  new Failure("MESSAGE_TOO_LARGE", rawMessage, { metadata: { limit, max: String(max) } });

function withDetails(
  { reason, message, metadata, violations, retryAfterMs }: Failure,
  code: Code,
): ConnectError {
  const details: ConstructorParameters<typeof ConnectError>[3] = [
    { desc: ErrorInfoSchema, value: { reason, domain: "millrace.v1", metadata } },
  ];
  if (violations.length > 0)
    details.push({ desc: BadRequestSchema, value: { fieldViolations: violations } });
  if (retryAfterMs !== undefined) {
    const seconds = Math.floor(retryAfterMs / 1000);
    details.push({
      desc: RetryInfoSchema,
      value: {
        retryDelay: { seconds: BigInt(seconds), nanos: (retryAfterMs - seconds * 1000) * 1e6 },
      },
    });
  }
  return new ConnectError(message, code, undefined, details);
}
