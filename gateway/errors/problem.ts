// Errors as application/problem+json (RFC 9457): the one mapping from a failure to status, reason
// and fields.
import { Code, ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import type { Json } from "../../codec/row/json-text.ts";
import { invalidField, type Reason, retrySecondsOf } from "./reasons.ts";

/**
 * A problem of HTTP itself, for which the contract has no reason: unknown path, wrong method, wrong
 * media type, too large.
 */
export class HttpProblem extends Error {
  override readonly name = "HttpProblem";
  readonly status: number;
  readonly members: Record<string, Json>;
  readonly headers: Record<string, string>;
  constructor(
    status: number,
    message: string,
    {
      members = {},
      headers = {},
    }: { members?: Record<string, Json>; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.status = status;
    this.members = members;
    this.headers = headers;
  }
}

/** Converts a refusal to a problem of HTTP, for throwing it into a body that fastify reads. */
export function toHttpProblem(error: ConnectError): HttpProblem {
  const { status, headers, body } = fromConnect(error, { path: "", parameterByField: {} });
  const { reason, metadata, "violated-policies": policies } = body;
  const members = { reason, metadata, "violated-policies": policies };
  return new HttpProblem(status, error.rawMessage, { members, headers });
}

export type Problem = {
  status: number;
  headers: Record<string, string>;
  /**
   * type, title, status, detail, instance; reason, metadata, field, violations if there are any;
   * and further members.
   */
  body: Record<string, Json>;
};

const statusByCode: Record<Code, number> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** Reasons for which HTTP has a more specific status than that of their code. */
const statusByReason: Partial<Record<Reason, number>> = {
  PAGE_TOKEN_EXPIRED: 410,
  CURSOR_EXPIRED: 410,
  CURSOR_FOREIGN: 409,
  CURSOR_IN_FUTURE: 409,
  SEQUENCE_GAP: 409,
  DATABASE_UNSAFE: 503,
  MESSAGE_TOO_LARGE: 413,
  ANSWER_TOO_LARGE: 500,
};

const titleByStatus: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/**
 * The failed request: its path without the query, and the parameters for fields of the contract.
 */
export type ProblemContext = { path: string; parameterByField: Readonly<Record<string, string>> };

/** Converts any failure to the problem to answer with. */
export function toProblem(error: unknown, context: ProblemContext): Problem {
  const known = isFastifyError(error) ? fromFastify(error) : error;
  return known instanceof HttpProblem
    ? fromHttp(known, context.path)
    : fromConnect(ConnectError.from(known), context);
}

function fromHttp({ status, message, members, headers }: HttpProblem, path: string): Problem {
  const { reason } = members;
  const head = typeof reason === "string" ? named(reason) : unnamed(status);
  return {
    status,
    headers,
    body: { ...head, status, detail: message, instance: path, ...members },
  };
}

function fromConnect(error: ConnectError, { path, parameterByField }: ProblemContext): Problem {
  // The gateway's own messages already use the names of REST, since they are about parameters as
  // they were sent.
  const renamed = error.details.some((detail) => "desc" in detail) ? {} : parameterByField;
  const restName = (names: string) => names.split(", ").map(inRest(renamed)).join(", ");
  const [info] = error.findDetails(ErrorInfoSchema);
  const reason = info?.reason;
  const status = statusOf(error, reason);
  const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) =>
    fieldViolations.map(({ field, description }) => ({
      rpcName: field,
      field: restName(field),
      description,
    })),
  );
  const field =
    violations[0]?.field ?? (info?.metadata["field"] && restName(info.metadata["field"]));
  // Internal errors are for the log: only an error with a reason has a message for clients.
  const hidden = status === 500 && reason === undefined;
  const body = {
    ...(reason ? named(reason) : unnamed(status)),
    status,
    detail: hidden
      ? "internal error; the gateway has logged it"
      : inWords(renameHeads(error.rawMessage, violations), renamed),
    instance: path,
    reason,
    field: field || undefined,
    violations:
      violations.length > 0
        ? violations.map(({ field, description, rpcName }) => ({
            field,
            description: inWords(renameHeads(description, [{ rpcName, field }]), renamed),
          }))
        : undefined,
    metadata:
      info && Object.keys(info.metadata).length > 0
        ? metadataOf(info.metadata, restName)
        : undefined,
    // Named as in the draft on RateLimit headers.
    "violated-policies": reason === "RATE_LIMITED" ? [info!.metadata["limit"] ?? ""] : undefined,
  };
  const retryAfter = String(retrySecondsOf(error) ?? 1);
  return {
    status,
    headers: status === 503 || status === 429 ? { "retry-after": retryAfter } : {},
    body,
  };
}

/** Metadata in which a field's name is replaced by the parameter's. */
const metadataOf = (
  metadata: Readonly<Record<string, string>>,
  restName: (names: string) => string,
) =>
  metadata["field"] === undefined ? metadata : { ...metadata, field: restName(metadata["field"]) };

/**
 * "machines[3]" belongs to the parameter machine; "calendar.shift_starts.[3]" has its own
 * parameter.
 */
const inRest = (parameterByField: ProblemContext["parameterByField"]) => (field: string) => {
  const bare = field.replace(/\.?\[.*/, "");
  if (Object.hasOwn(parameterByField, bare)) return parameterByField[bare]!;
  const [head = ""] = bare.split(".");
  return Object.hasOwn(parameterByField, head) ? parameterByField[head]! : field;
};

/**
 * Replaces the field that a message begins with, or that follows a semicolon if several rules are
 * broken, by its parameter: "severities is only allowed with …".
 */
function renameHeads(
  message: string,
  violations: readonly { rpcName: string; field: string }[],
): string {
  return message
    .split("; ")
    .map((part) => {
      const of = violations.find(
        ({ rpcName }) => part.startsWith(`${rpcName} `) || part.startsWith(`${rpcName}: `),
      );
      return of === undefined ? part : of.field + part.slice(of.rpcName.length);
    })
    .join("; ");
}

/**
 * Replaces fields in a message by the parameters that its reader has used. Only names with "_",
 * since the others are also ordinary words.
 */
function inWords(message: string, parameterByField: ProblemContext["parameterByField"]): string {
  return message.replace(/(?<!")\b[a-z]+(?:_[a-z]+)+\b(?!")/g, inRest(parameterByField));
}

function statusOf(error: ConnectError, reason: string | undefined): number {
  const byReason = statusByReason[reason as Reason];
  if (byReason !== undefined) return byReason;
  // gRPC's transport refuses an oversized message with the code of an overload, but without a
  // reason.
  if (error.code === Code.ResourceExhausted && reason === undefined) return 413;
  return statusByCode[error.code] ?? 500;
}

/** The title of a problem with a reason: "Signal unknown" for SIGNAL_UNKNOWN. */
const named = (reason: string) => ({
  type: `urn:millrace:v1:${reason}`,
  title: reason[0] + reason.slice(1).toLowerCase().replaceAll("_", " "),
});

/** A problem without more meaning than its status (RFC 9457, 4.2.1). */
const unnamed = (status: number) => ({
  type: "about:blank",
  title: titleByStatus[status] ?? "Error",
});

type FastifyError = Error & { code: string; statusCode: number };

function isFastifyError(error: unknown): error is FastifyError {
  return (
    error instanceof Error &&
    "statusCode" in error &&
    typeof error.statusCode === "number" &&
    "code" in error
  );
}

/**
 * Fastify refuses before a handler runs: a body that is too large, has another media type, or is
 * not JSON. The statuses are fastify's.
 */
function fromFastify({ statusCode, code, message }: FastifyError): HttpProblem | ConnectError {
  if (statusCode === 415)
    return new HttpProblem(
      415,
      "send the body as application/json, application/x-ndjson or text/csv",
    );
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new HttpProblem(413, "the body is larger than 32 MiB: send less at once");
  if (statusCode === 400 && code.startsWith("FST_ERR_CTP")) return invalidField("body", message);
  if (statusCode >= 400 && statusCode < 500) return new HttpProblem(statusCode, message);
  return new ConnectError(message, Code.Internal);
}
