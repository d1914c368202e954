// What the gateway says when something fails: its own errors, and the accessor's made fit to be
// passed on.
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";
import type { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";

/** ErrorInfo's domain for every reason of the contract. */
export const errorDomain = "millrace.v1";

/** What a program may tell errors by: the name in the enum, without its prefix. */
export type Reason = keyof typeof ErrorReason;

/**
 * An error with its reason, as gRPC and Connect carry it. `fields` become BadRequest; `retryMs`
 * becomes RetryInfo.
 */
export function reasonError(
  reason: Reason,
  code: Code,
  message: string,
  options: {
    metadata?: Record<string, string>;
    fields?: readonly { field: string; description: string }[];
    retryMs?: number;
  } = {},
): ConnectError {
  const { metadata = {}, fields = [], retryMs } = options;
  const error = new ConnectError(message, code);
  error.details.push({ desc: ErrorInfoSchema, value: { reason, domain: errorDomain, metadata } });
  if (fields.length > 0)
    error.details.push({ desc: BadRequestSchema, value: { fieldViolations: [...fields] } });
  if (retryMs !== undefined) error.details.push(retryDetail(retryMs));
  return sayWhen(error);
}

/** HTTP's own header for when to try again, where a protocol has room for it. */
function sayWhen(error: ConnectError): ConnectError {
  const seconds = retrySecondsOf(error);
  if (seconds !== undefined) error.metadata.set("retry-after", String(seconds));
  return error;
}

/** A query parameter or field that the gateway itself cannot read. */
export function invalidField(
  field: string,
  description: string,
  reason: Reason = "REQUEST_INVALID",
): ConnectError {
  const fields = [{ field, description }];
  return reasonError(reason, Code.InvalidArgument, `${field}: ${description}`, {
    metadata: { field },
    fields,
  });
}

/** What streams end with when the gateway stops. */
export const shuttingDown = () =>
  reasonError(
    "SHUTTING_DOWN",
    Code.Unavailable,
    "the gateway is stopping: connect again with the last cursor",
    {
      retryMs: 1_000,
    },
  );

/**
 * An error of a call to the accessor as the client is told: code, message and details as they were,
 * without the headers of that connection. One that the accessor did not answer itself gets details,
 * and a message that names no address.
 */
export function relayError(error: unknown): ConnectError {
  const known = ConnectError.from(error);
  if (known.findDetails(ErrorInfoSchema).length === 0) {
    if (known.code === Code.Unavailable) {
      const unreachable = new ConnectError(
        "the accessor is not responding: try again",
        Code.Unavailable,
      );
      unreachable.cause = known;
      unreachable.details.push(retryDetail(1_000));
      return sayWhen(unreachable);
    }
    if (known.code === Code.DeadlineExceeded) {
      return reasonError(
        "DEADLINE_EXCEEDED",
        known.code,
        "the call did not finish before its deadline",
      );
    }
  }
  return sayWhen(new ConnectError(known.rawMessage, known.code, undefined, outgoing(known), known));
}

/** What RetryInfo says, in whole seconds, at least 1; undefined without one. */
export function retrySecondsOf(error: ConnectError): number | undefined {
  const [retry] = error.findDetails(RetryInfoSchema);
  if (retry === undefined) return undefined;
  const { seconds = 0n, nanos = 0 } = retry.retryDelay ?? {};
  return Math.max(1, Number(seconds) + (nanos > 0 ? 1 : 0));
}

function outgoing({ details }: ConnectError) {
  // Details that came over the wire are {type, value}; servers write those as they are, though the
  // constructor's type says otherwise.
  return details as never;
}

function retryDetail(ms: number) {
  const seconds = Math.floor(ms / 1000);
  return {
    desc: RetryInfoSchema,
    value: { retryDelay: { seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1e6 } },
  };
}
