// Puts the route table on fastify: query and body in, JSON, stream or problem out, and answers for
// paths and methods that are not in it.
import { Code, ConnectError } from "@connectrpc/connect";
import { createLinkedAbortController } from "@connectrpc/connect/protocol";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { toJsonText } from "../../codec/row/json-text.ts";
import { causeChain, type Log } from "../../runtime/log.ts";
import { Turns } from "../../runtime/turns.ts";
import type { AnswerCache } from "../cache/answer-cache.ts";
import { callerOf, credentialOf } from "../caller/caller.ts";
import { chooseEncoding, encodeText } from "../encoding/compression.ts";
import { jsonInTurns } from "../encoding/json-in-turns.ts";
import { HttpProblem, type Problem, toProblem } from "../errors/problem.ts";
import { relayError } from "../errors/reasons.ts";
import { onceEnded } from "../http/response-end.ts";
import { addVary, securityHeaders } from "../http/response-headers.ts";
import type { CallerShares, StreamKind } from "../limits/caller-shares.ts";
import type { ReadClock } from "../limits/read-clock.ts";
import { isStreamedType, streamedTypes } from "../limits/streamed-bodies.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { openBody } from "./body.ts";
import { answerCached } from "./cached.ts";
import {
  type Heartbeat,
  permissionOf,
  type RestAnswer,
  type RestCall,
  type Route,
  type StreamedAnswer,
} from "./call.ts";
import { chooseFormat, contentTypeOf, type Format } from "./formats.ts";
import { createJsonParser } from "./json-body.ts";
import { type NextPage, toLink } from "./page.ts";
import { type Parameters, readQuery } from "./parameters.ts";

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
  cache: AnswerCache;
  /** Where streams take their places. */
  shares: CallerShares;
  /** Looks after clients that do not read; `onSlow` is told what they were told. */
  readers: ReadClock;
  onSlow: (error: ConnectError) => void;
  /** What the gateway counts, for Prometheus. */
  metrics: () => Promise<string>;
  /** Milliseconds since the epoch. */
  now: () => number;
  log: Log;
};

/** Mounts every route, in a scope of its own. */
export function mountRest(app: FastifyInstance, options: RestOptions): void {
  app.register(async (scope) => {
    // Fastify would also take text/plain, as a string.
    scope.removeContentTypeParser("text/plain");
    scope.removeContentTypeParser("application/json");
    scope.addContentTypeParser("application/json", createJsonParser());
    scope.addContentTypeParser(streamedTypes, (_request, body, done) => done(null, body));
    for (const route of options.routes) {
      scope.route({
        method: route.method === "GET" ? ["GET", "HEAD"] : route.method,
        url: toPattern(route.path),
        exposeHeadRoute: false,
        config: {
          ...{ parameterByField: route.parameterByField, rpcPath: permissionOf(route) },
          ...{
            streams: route.formats.some((format) => format !== "json"),
            writes: route.method === "POST",
          },
        },
        onRequest: refuseEncoded,
        handler: (request, reply) => answer(route, request, reply, options),
      });
    }
    for (const path of new Set(options.routes.map((route) => route.path))) {
      scope.options(toPattern(path), (_request, reply) =>
        reply.code(204).header("allow", allowed(options.routes, path)).send(),
      );
    }
  });
}

/** What a body comes to when it is decompressed nobody knows before. */
async function refuseEncoded({ headers }: FastifyRequest): Promise<void> {
  const encoding = headers["content-encoding"];
  if (encoding && encoding !== "identity")
    throw new HttpProblem(415, "send the body as it is, without Content-Encoding");
}

/** The path of a route with its parameters, as it stands in a URL. */
const pathOf = ({ path }: Route, parameters: RestCall<Parameters>["path"]) =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name]!));

const toPattern = (path: string) => path.replace(/\{(\w+)\}/g, ":$1");

/** Why a request's signal is aborted when its connection is through with it, answered or not. */
const over = new ConnectError("the request is over", Code.Canceled);

async function answer(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  options: RestOptions,
): Promise<unknown> {
  const gone = new AbortController();
  const callOff = onceEnded(reply.raw, () => gone.abort(over));
  const caller = callerOf(request);
  const place = new DisposableStack();
  const streaming = createLinkedAbortController(gone.signal, options.shutdownSignal);
  const [, search] = splitUrl(request);
  try {
    const nowMs = options.now();
    const nowUs = BigInt(route.cache?.wholeSeconds ? nowMs - (nowMs % 1_000) : nowMs) * 1_000n;
    const query = readQuery(route.query, search, nowUs);
    const call: RestCall<Parameters> = {
      upstream: options.upstream.as(credentialOf(request), caller.network),
      path: request.params as Record<string, string>,
      query,
      format:
        (query["format"] as Format | undefined) ??
        chooseFormat(request.headers.accept, route.formats),
      csvSafe: query["csv"] === "safe",
      header: (name) => request.headers[name]?.toString(),
      body: request.body,
      origin: originOf(request),
      nowUs,
      unary: { signal: gone.signal, timeoutMs: options.unaryDeadlineMs },
      stream: { abort: streaming.signal, heartbeat: options.heartbeat },
      meter: (records) => request.meter?.(records) ?? 0,
      releaseBody: () => request.releaseBody?.(),
      metrics: options.metrics,
    };
    const linkTo = (next: NextPage | undefined) =>
      next && toLink({ path: pathOf(route, call.path), search }, next);
    const kind = kindOfStream(route, call);
    if (kind !== undefined) {
      const loan = options.shares.enter(kind, caller);
      place.defer(() => loan.giveBack());
    }
    const vary = addVary(reply.getHeader("vary"), "accept, accept-encoding");
    const encoding = chooseEncoding(request.headers["accept-encoding"]);
    const kept = await answerCached(route, call, {
      cache: options.cache,
      visibleMachines: request.visibleMachines ?? "",
      encoding,
    });
    if (kept !== undefined) {
      reply.code(kept.status).headers({
        ...kept.headers,
        ...linkTo(kept.next),
        vary: addVary(vary, kept.headers["vary"]!),
      });
      return kept.bytes === undefined
        ? reply.send()
        : reply.type(contentTypeOf("json")).send(kept.bytes);
    }
    const result: RestAnswer = await route.handle(call);
    if ("write" in result) {
      const context = { request, reply, vary, encoding: result.compress ? encoding : undefined };
      await stream(result, { ...context, streaming, options });
      return reply;
    }
    reply.code(result.status ?? 200).headers({ vary, ...result.headers, ...linkTo(result.next) });
    const [type, text] =
      "text" in result
        ? [result.contentType, result.text]
        : [contentTypeOf("json"), Buffer.concat(await jsonInTurns(result.body, new Turns()))];
    const encoded = await encodeText(text, encoding);
    if (encoded.encoding) reply.header("content-encoding", encoded.encoding);
    return reply.type(type).send(encoded.bytes);
  } finally {
    callOff();
    streaming.abort();
    place.dispose();
  }
}

/** Which kind of stream a request is; undefined for one that is taken and answered as a whole. */
function kindOfStream(
  { method, rpc }: Route,
  { format, header }: RestCall<Parameters>,
): StreamKind | undefined {
  if (rpc === undefined || method === "PATCH") return undefined;
  if (method === "GET")
    return format === "json" ? undefined : rpc.name.startsWith("Watch") ? "feeds" : "exports";
  return isStreamedType(header("content-type")) ? "ingests" : undefined;
}

type Streaming = {
  request: FastifyRequest;
  reply: FastifyReply;
  vary: string;
  encoding: ReturnType<typeof chooseEncoding>;
  /** Ends it when aborted. */
  streaming: AbortController;
  options: RestOptions;
};

/** How long a client that has not read may still come for what it was told. */
const lingerMs = 2_000;

/**
 * Writes a streamed answer past fastify. Never rejects once the head is out: from then on a failure
 * can only cut the body short.
 */
async function stream(answer: RestAnswer & StreamedAnswer, context: Streaming): Promise<void> {
  const { request, reply, vary, encoding, streaming, options } = context;
  const { raw } = reply;
  const { signal: abort } = streaming;
  const problemOf = (error: unknown) => describe(error, request, options.log, { begun: true });
  const reader = options.readers.watch({
    caller: callerOf(request),
    onSlow(error) {
      options.onSlow(error);
      streaming.abort(error);
      setTimeout(() => raw.destroy(), lingerMs).unref();
    },
  });
  onceEnded(raw, () => reader[Symbol.dispose]());
  try {
    reply.code(answer.status ?? 200).headers({ vary, ...answer.headers });
    reply.type(answer.contentType);
    if (encoding) reply.header("content-encoding", encoding);
    const headers = reply.getHeaders();
    reply.hijack();
    raw.writeHead(reply.statusCode, headers as Record<string, string>);
    if (request.method === "HEAD") {
      raw.end();
      return;
    }
    // Who waits for the first of rare events shall know at once that it was let in.
    raw.flushHeaders();
    const body = openBody(raw, { encoding, abort, reader });
    try {
      await answer.write(body, problemOf);
    } catch (error) {
      if (!abort.aborted) problemOf(error);
      body.cut();
    }
  } finally {
    await answer.close();
  }
}

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
  const problem = describe(error, request, log);
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
function describe(
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

/**
 * For `setNotFoundHandler`: a path of the table with another method is 405, any other path 404 with
 * what there is.
 */
export function refuseUnknown(routes: readonly Route[], request: FastifyRequest): never {
  const [path] = splitUrl(request);
  // Of several patterns that fit, the one without a parameter.
  const [here] = routes
    .filter((route) => matches(route.path, path))
    .sort((a, b) => braces(a.path) - braces(b.path));
  if (!here) {
    const known = [...new Set(routes.map((route) => route.path))];
    throw new HttpProblem(404, `there is nothing here; known paths are ${known.join(", ")}`, {
      members: { known },
    });
  }
  const allow = allowed(routes, here.path);
  throw new HttpProblem(405, `${path} takes ${allow}`, { headers: { allow } });
}

const braces = (path: string) => path.split("{").length;

function allowed(routes: readonly Route[], path: string): string {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
  return methods
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : method))
    .concat("OPTIONS")
    .join(", ");
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.replace(/\/$/, "").split("/");
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => part === given[i] || part.startsWith("{"))
  );
}

function splitUrl({ raw }: FastifyRequest): [path: string, query: string] {
  const [path = "/", ...rest] = (raw.url ?? "/").split("?");
  return [path, rest.join("?")];
}

/** As the client names us, if that is a name that can be written anywhere without harm. */
function originOf({ host, protocol }: FastifyRequest): string {
  return `${protocol}://${/^[\w.-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/.test(host) ? host : "localhost"}`;
}
