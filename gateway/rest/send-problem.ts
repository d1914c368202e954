// Answers any failure of a REST request with a problem, and logs what is not the client's fault.
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { toJsonText } from "../../codec/row/json-text.ts";
import { causeChain, type Log } from "../../runtime/log.ts";
import { HttpProblem, type Problem, toProblem } from "../errors/problem.ts";
import { relayError } from "../errors/reasons.ts";
import { securityHeaders } from "../http/response-headers.ts";
import { splitUrl } from "./split-url.ts";

/**
 * Sends any failure as a problem, and returns it: for `setErrorHandler`, and for what fastify
 * refuses before it has a route.
 */
export function sendProblem(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Log,
): Problem {
  const problem = describeFailure(error, request, log);
  const { status, headers, body } = problem;
  // Again, for what was refused before any hook ran.
  reply.code(status).headers({ ...securityHeaders, ...headers });
  // Set on a body that was not read to its end; HTTP/2 has no such header.
  if (request.raw.httpVersionMajor > 1) reply.removeHeader("connection");
  reply.type("application/problem+json; charset=utf-8").send(toJsonText(body));
  return problem;
}

/** Statuses that a stream which was let in ends with by itself, in the course of things. */
const inTheCourse = new Set([401, 403, 410, 429]);

/** begun: the client was let in, so that no status tells of the failure. */
export function describeFailure(
  error: unknown,
  request: FastifyRequest,
  log: Log,
  { begun = false } = {},
): Problem {
  const [path] = splitUrl(request);
  const { parameterByField = {} } = request.routeOptions.config;
  const told =
    error instanceof HttpProblem || (error instanceof Error && "statusCode" in error)
      ? error
      : relayError(error);
  const problem = toProblem(told, { path, parameterByField });
  // Every feed ends so when the gateway stops: nothing that anyone should look into.
  const stopping = problem.body["reason"] === "SHUTTING_DOWN";
  if ((problem.status >= 500 || (begun && !inTheCourse.has(problem.status))) && !stopping) {
    // Where it broke says something only of what nobody foresaw.
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
