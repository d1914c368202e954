// Mounts the route table on fastify: query and body in, JSON or a stream out.
import { Code, ConnectError } from "@connectrpc/connect";
import { createLinkedAbortController } from "@connectrpc/connect/protocol";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Log } from "../../runtime/log.ts";
import { Turns } from "../../runtime/turns.ts";
import type { AnswerCache } from "../cache/answer-cache.ts";
import { callerOf, credentialOf } from "../caller/caller.ts";
import { chooseEncoding, encodeText } from "../encoding/compression.ts";
import { jsonInTurns } from "../encoding/json-in-turns.ts";
import { HttpProblem } from "../errors/problem.ts";
import { onceEnded } from "../http/response-end.ts";
import { addVary } from "../http/response-headers.ts";
import type { CallerShares, StreamKind } from "../limits/caller-shares.ts";
import type { ReaderDeadlines } from "../limits/reader-deadlines.ts";
import { isStreamedType, streamedTypes } from "../limits/streamed-bodies.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { answerCached } from "./cached.ts";
import {
  type Heartbeat,
  permissionOf,
  type RestAnswer,
  type RestCall,
  type Route,
} from "./call.ts";
import { chooseFormat, contentTypeOf, type Format } from "./formats.ts";
import { createJsonParser } from "./json-body.ts";
import { type NextPage, toLink } from "./page.ts";
import { type Parameters, readQuery } from "./parameters.ts";
import { splitUrl } from "./split-url.ts";
import { allowedMethods } from "./unknown-routes.ts";
import { writeStream } from "./write-stream.ts";

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
  /** The shares that streams are counted in. */
  shares: CallerShares;
  /** Watches for clients that do not read; `onSlow` gets the error that they got. */
  readers: ReaderDeadlines;
  onSlow: (error: ConnectError) => void;
  /** The gateway's metrics, for Prometheus. */
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
          parameterByField: route.parameterByField,
          rpcPath: permissionOf(route),
          streams: route.formats.some((format) => format !== "json"),
          writes: route.method === "POST",
        },
        onRequest: refuseEncoded,
        handler: (request, reply) => answer(route, request, reply, options),
      });
    }
    for (const path of new Set(options.routes.map((route) => route.path))) {
      scope.options(toPattern(path), (_request, reply) =>
        reply.code(204).header("allow", allowedMethods(options.routes, path)).send(),
      );
    }
  });
}

/** Refuses compressed bodies, because their decompressed size is not known beforehand. */
async function refuseEncoded({ headers }: FastifyRequest): Promise<void> {
  const encoding = headers["content-encoding"];
  if (encoding && encoding !== "identity")
    throw new HttpProblem(415, "send the body uncompressed, without Content-Encoding");
}

/** The path of a route with its parameters, as in a URL. */
const pathOf = ({ path }: Route, parameters: RestCall<Parameters>["path"]) =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parameters[name]!));

const toPattern = (path: string) => path.replace(/\{(\w+)\}/g, ":$1");

/**
 * The reason of a request's abort signal when its connection has finished with it, answered or not.
 */
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
  using place = new DisposableStack();
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
    if (kind !== undefined) place.use(options.shares.enter(kind, caller));
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
      const { readers, onSlow, log } = options;
      const encodingOfStream = result.compress ? encoding : undefined;
      await writeStream(result, {
        request,
        reply,
        vary,
        encoding: encodingOfStream,
        streaming,
        readers,
        onSlow,
        log,
      });
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
  }
}

/** Which kind of stream a request is; undefined if its body and answer are handled as a whole. */
function kindOfStream(
  { method, rpc }: Route,
  { format, header }: RestCall<Parameters>,
): StreamKind | undefined {
  if (rpc === undefined || method === "PATCH" || method === "PUT") return undefined;
  if (method === "GET")
    return format === "json" ? undefined : rpc.name.startsWith("Watch") ? "feeds" : "exports";
  return isStreamedType(header("content-type")) ? "ingests" : undefined;
}

/** The origin that the client uses for us, if it is safe to write anywhere. */
function originOf({ host, protocol }: FastifyRequest): string {
  return `${protocol}://${/^[\w.-]+(:\d+)?$|^\[[\da-fA-F:.]+\](:\d+)?$/.test(host) ? host : "localhost"}`;
}
