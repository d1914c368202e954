// Answers any failure of a REST request with a problem, and logs failures that are not the client's
// fault.
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { toJsonText } from "../../codec/row/json-text.ts";
import { causeChain, type Log } from "../../runtime/log.ts";
import { HttpProblem, type Problem, toProblem } from "../errors/problem.ts";
import { relayError } from "../errors/reasons.ts";
import { securityHeaders } from "../http/response-headers.ts";
import { splitUrl } from "./split-url.ts";

/**
 * Sends any failure as a problem, and returns it: for `setErrorHandler`, and for requests that
 * fastify refuses before it has a route.
 */
export function sendProblem(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): Problem {
  const problem = describeFailure(error, request, log);
  const { status, headers, body } = problem;
  // Set again for requests that were refused before any hook ran.
  reply.code(status).headers({ ...securityHeaders, ...headers });
  // Fastify sets it if a body was not read to its end; HTTP/2 has no such header.
  if (request.raw.httpVersionMajor > 1) reply.removeHeader("connection");
  reply.type("application/problem+json; charset=utf-8").send(toJsonText(body));
  return problem;
}

/** Statuses that normally end a stream that was admitted. */
const inTheCourse = new Set([401, 403, 410, 429]);

/** begun: the answer has begun, so that no status shows the failure. */
export function describeFailure(
  error: unknown,
  request: FastifyRequest,
  log: Log,
  { begun = false } = {},
): Problem {
  const [path] = splitUrl(request);
  const { parameterByField = {} } = request.routeOptions.config;
  const relayed =
    error instanceof HttpProblem || (error instanceof Error && "statusCode" in error)
      ? error
      : relayError(error);
  const problem = toProblem(relayed, { path, parameterByField });
  // Every feed ends this way when the gateway stops, which needs no attention.
  const stopping = problem.body["reason"] === "SHUTTING_DOWN";
  if ((problem.status >= 500 || (begun && !inTheCourse.has(problem.status))) && !stopping) {
    // The stack is useful only for unexpected errors.
    const cause = problem.status === 500 ? error : causeChain(error);
    log.warn("request failed", {
      method: request.method,
      path,
      status: problem.status,
      error: cause,
    });
  }
  return problem;
}
