// Puts the route table on fastify: query and body in, JSON, stream or problem out, and answers for paths and methods that are not in it.
import { createLinkedAbortController } from "@connectrpc/connect/protocol";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Log } from "../../runtime/log.ts";
import { relayError } from "../errors.ts";
import type { Upstream } from "../upstream.ts";
import type { RestAnswer, Route } from "./call.ts";
import { toJsonText } from "./json.ts";
import type { Heartbeat } from "./live.ts";
import { readQuery } from "./parameters.ts";
import { HttpProblem, type Problem, toProblem } from "./problem.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    parameterByField?: Readonly<Record<string, string>> | undefined;
  }
}

export type RestOptions = {
  routes: readonly Route[];
  upstream: Upstream;
  unaryDeadlineMs: number;
  /** Ends streams when aborted. */
  shutdownSignal: AbortSignal;
  heartbeat: Heartbeat;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: Log;
};

/** Mounts every route, in a scope of its own. */
export function mountRest(app: FastifyInstance, options: RestOptions): void {
  app.register(async (scope) => {
    // Only JSON: fastify would also take text/plain, as a string.
    scope.removeContentTypeParser("text/plain");
    for (const route of options.routes) {
      scope.route({
        method: route.method,
        url: route.path.replace(/\{(\w+)\}/g, ":$1"),
        ...(route.method === "GET" ? { exposeHeadRoute: !route.live } : {}),
        config: { parameterByField: route.parameterByField },
        handler: (request, reply) => answer(route, request, reply, options),
      });
    }
  });
}

async function answer(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  options: RestOptions,
): Promise<unknown> {
  const gone = new AbortController();
  const left = () => gone.abort();
  reply.raw.once("close", left);
  const streaming = createLinkedAbortController(gone.signal, options.shutdownSignal);
  const [url, search] = splitUrl(request);
  try {
    const nowUs = BigInt(options.now()) * 1_000n;
    const result: RestAnswer = await route.handle({
      upstream: options.upstream,
      path: request.params as Record<string, string>,
      query: readQuery(route.query, search, nowUs),
      header: (name) => request.headers[name]?.toString(),
      body: request.body,
      url,
      search,
      nowUs,
      unary: { signal: gone.signal, timeoutMs: options.unaryDeadlineMs },
      stream: { signal: streaming.signal, heartbeat: options.heartbeat },
    });
    if ("stream" in result) {
      for (const [name, value] of Object.entries(reply.getHeaders())) if (value) reply.raw.setHeader(name, value);
      await result.stream(reply.raw, (error) => describe(error, request, options.log));
      reply.hijack();
      return undefined;
    }
    reply.code(result.status ?? 200).headers(result.headers ?? {});
    return reply.type("application/json; charset=utf-8").send(toJsonText(result.body));
  } finally {
    reply.raw.off("close", left);
    streaming.abort();
  }
}

/** Sends any failure as a problem: for `setErrorHandler`, and for what fastify refuses before it has a route. */
export function sendProblem(error: FastifyError, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { status, headers, body } = describe(error, request, log);
  // Fastify sets it on a body that was not read to its end; HTTP/2 has no such header.
  if (request.raw.httpVersionMajor > 1) reply.removeHeader("connection");
  reply.code(status).headers(headers).type("application/problem+json; charset=utf-8").send(toJsonText(body));
}

function describe(error: unknown, request: FastifyRequest, log: Log): Problem {
  const [path] = splitUrl(request);
  const { parameterByField = {} } = request.routeOptions.config;
  const told =
    error instanceof HttpProblem || (error instanceof Error && "statusCode" in error) ? error : relayError(error);
  const problem = toProblem(told, { path, parameterByField });
  // Every feed ends so when the gateway stops: nothing that anyone should look into.
  const stopping = problem.body["reason"] === "SHUTTING_DOWN";
  if (problem.status >= 500 && !stopping)
    log.warn("request failed", { method: request.method, path, status: problem.status, error });
  return problem;
}

/** For `setNotFoundHandler`: a path of the table with another method is 405, any other path 404 with what there is. */
export function refuseUnknown(routes: readonly Route[], request: FastifyRequest): never {
  const [path] = splitUrl(request);
  const here = routes.filter((route) => matches(route.path, path));
  if (here.length === 0) {
    const known = [...new Set(routes.map((route) => route.path))];
    throw new HttpProblem(404, `there is nothing here; known paths are ${known.join(", ")}`, { members: { known } });
  }
  const allow = new Set(here.flatMap(({ method, live }) => (method === "GET" && !live ? ["GET", "HEAD"] : [method])));
  const list = [...allow].join(", ");
  throw new HttpProblem(405, `${path} takes ${list}`, { headers: { allow: list } });
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.replace(/\/$/, "").split("/");
  return wanted.length === given.length && wanted.every((part, i) => part === given[i] || part.startsWith("{"));
}

function splitUrl({ raw }: FastifyRequest): [path: string, query: string] {
  const [path = "/", ...rest] = (raw.url ?? "/").split("?");
  return [path, rest.join("?")];
}
