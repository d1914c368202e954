// The errors that the gateway returns: its own, and the accessor's, prepared for clients.
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";
import type { ErrorReason } from "#gen/millrace/v1/error_reason_pb.ts";

/** ErrorInfo's domain for every reason of the contract. */
export const errorDomain = "millrace.v1";

/** How programs tell errors apart: the name in the enum, without its prefix. */
export type Reason = keyof typeof ErrorReason;

/**
 * An error with its reason, as gRPC and Connect transmit it. `fields` become BadRequest; `retryMs`
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

/** Adds HTTP's header for when to retry, for protocols that can send it. */
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

/** The error that ends streams when the gateway stops. */
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
 * Converts an error of a call to the accessor for the client: same code, message and details,
 * without the headers of that connection. An error that the accessor did not return itself gets
 * details, and a message without an address.
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

/** The delay of RetryInfo in whole seconds, at least 1; undefined without one. */
export function retrySecondsOf(error: ConnectError): number | undefined {
  const [retry] = error.findDetails(RetryInfoSchema);
  if (retry === undefined) return undefined;
  const { seconds = 0n, nanos = 0 } = retry.retryDelay ?? {};
  return Math.max(1, Number(seconds) + (nanos > 0 ? 1 : 0));
}

function outgoing({ details }: ConnectError) {
  // Details from the wire are {type, value}; servers write those unchanged, although the
  // constructor's type does not allow them.
  return details as never;
}

function retryDetail(ms: number) {
  const seconds = Math.floor(ms / 1000);
  return {
    desc: RetryInfoSchema,
    value: { retryDelay: { seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1e6 } },
  };
}
