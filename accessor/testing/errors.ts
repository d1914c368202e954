// The error that a client of a failed call receives, for tests.
import { ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "#gen/google/rpc/error_details_pb.ts";

/** Code, reason and metadata of a call that must fail; fails if it succeeds. */
export async function reasonOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectError))
    throw new Error(`expected a ConnectError, got ${String(error)}`);
  const [info] = error.findDetails(ErrorInfoSchema);
  const [badRequest] = error.findDetails(BadRequestSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  return {
    code: error.code,
    message: error.rawMessage,
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata,
    fields: badRequest?.fieldViolations.map(({ field }) => field),
    retryDelay: retry?.retryDelay,
  };
}

/** The name of an enum's value. */
export function nameIn(
  values: Readonly<Record<string, number>>,
  value: number,
): string | undefined {
  return Object.keys(values).find((name) => values[name] === value);
}
