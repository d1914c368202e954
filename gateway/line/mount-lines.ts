// The part of InfluxDB's HTTP interface that programs write with: /api/v2/write, /write, the
// statements and pings that they begin with. InfluxDB's documents define these paths, so they are
// not in the table of REST routes.

import type { Readable } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { pathOf } from "../../access/matrix.ts";
import { type Precision, precisions } from "../../codec/line/line-time.ts";
import type { Log } from "../../runtime/log.ts";
import { callerOf, credentialOf } from "../caller/caller.ts";
import { HttpProblem } from "../errors/problem.ts";
import { onceEnded } from "../http/response-end.ts";
import type { CallerShares } from "../limits/caller-shares.ts";
import { decodedBody } from "../limits/decoded-body.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { LineNames } from "./line-names.ts";
import type { LineMapping } from "./line-settings.ts";
import { answerStatement } from "./statements.ts";
import { type WrittenLines, writeLines } from "./write-lines.ts";

export type LineOptions = {
  mapping: LineMapping;
  upstream: Upstream;
  shares: CallerShares;
  unaryDeadlineMs: number;
  /** Ends requests when aborted. */
  shutdownSignal: AbortSignal;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** For events that callers can cause as often as they like. */
  callLog: Log;
};

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whether its body is read while it arrives, whatever its media type is. */
    streamsAnyBody?: boolean;
  }
}

/** Decompressed. */
const maxBodyBytes = 64 * 1024 * 1024;
const maxStatementBytes = 64 * 1024;

const over = new ConnectError("the request is over", Code.Canceled);

/** Mounts the paths, in a scope of their own. */
export function mountLines(app: FastifyInstance, options: LineOptions): void {
  const names = new LineNames(options.mapping, ({ from, to }) =>
    options.callLog.info("line protocol: a name has characters that ours do not have", {
      from,
      to,
    }),
  );
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, body, done) => done(null, body));
    const config = {
      rpcPath: pathOf(IngestService.method.ingestBatches),
      streams: true,
      writes: true,
      streamsAnyBody: true,
    };
    for (const url of ["/api/v2/write", "/write"])
      scope.post(url, { config }, (request, reply) => write(request, reply, { ...options, names }));
    const handshake = { config: { rpcPath: config.rpcPath, streamsAnyBody: true } };
    for (const method of ["GET", "POST"] as const)
      scope.route({
        method,
        url: "/query",
        ...handshake,
        handler: async (request, reply) => {
          const body = request.body as Readable | undefined;
          const form = body === undefined ? "" : await readText(body);
          const statement =
            queryOf(request).get("q") ?? new URLSearchParams(form).get("q") ?? undefined;
          return reply.send(answerStatement(statement));
        },
      });
    scope.get("/ping", (_request, reply) => reply.code(204).headers(pingHeaders).send());
  });
}

/** Some clients look for a version before they write. */
const pingHeaders = { "x-influxdb-version": "1.8.0-millrace", "x-influxdb-build": "Millrace" };

const queryOf = ({ raw }: FastifyRequest): URLSearchParams =>
  new URLSearchParams(raw.url?.split("?")[1] ?? "");

async function readText(body: Readable): Promise<string> {
  const pieces: Uint8Array[] = [];
  const limits = { encoding: undefined, maxBytes: maxStatementBytes };
  for await (const piece of decodedBody(body, limits)) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

async function write(
  request: FastifyRequest,
  reply: FastifyReply,
  options: LineOptions & { names: LineNames },
): Promise<unknown> {
  const query = queryOf(request);
  assertNoCredential(query);
  const precision = precisionOf(query.get("precision"));
  const gone = new AbortController();
  const end = () => gone.abort(options.shutdownSignal.reason);
  const callOff = onceEnded(reply.raw, () => gone.abort(over));
  options.shutdownSignal.addEventListener("abort", end, { once: true });
  try {
    const caller = callerOf(request);
    using _place = options.shares.enter("ingests", caller);
    const encoding = request.headers["content-encoding"];
    const body = request.body as Readable | undefined;
    if (body === undefined) return reply.code(204).send();
    const written = await writeLines(decodedBody(body, { encoding, maxBytes: maxBodyBytes }), {
      precision,
      names: options.names,
      mapping: options.mapping,
      nowUs: options.now() * 1000,
      upstream: options.upstream.as(credentialOf(request), caller.network),
      unary: { signal: gone.signal, timeoutMs: options.unaryDeadlineMs },
      meter: (records) => request.meter?.(records) ?? 0,
      releaseBody: () => request.releaseBody?.(),
      onWarning: (warning) =>
        options.callLog.info("line protocol: stored, with a warning", warning),
    });
    if (written.refused.count > 0) throw refusal(request, written);
    return reply.code(204).send();
  } finally {
    callOff();
    options.shutdownSignal.removeEventListener("abort", end);
    gone.abort(over);
  }
}

/**
 * 400 if some lines are not line protocol, else 422: both tell clients not to send the same again.
 * Its members are those that clients of both versions look for.
 */
function refusal(request: FastifyRequest, { accepted, refused }: WrittenLines): HttpProblem {
  const isFirstVersion = request.routeOptions.url === "/write";
  const status = refused.hasUnreadable || isFirstVersion ? 400 : 422;
  const what = accepted === 0 && refused.hasUnreadable ? "unable to parse" : "partial write";
  const message = `${what}: ${refused.text()} (accepted ${accepted}, dropped=${refused.count})`;
  return new HttpProblem(status, message, {
    members: {
      code: refused.hasUnreadable ? "invalid" : "unprocessable entity",
      message,
      error: message,
      accepted,
      rejected: refused.count,
      lines: refused.lines(),
    },
    headers: isFirstVersion ? { "x-influxdb-error": headerText(message) } : {},
  });
}

const headerText = (text: string): string => text.replace(/[^\x20-\x7e]/g, "?").slice(0, 500);

function precisionOf(word: string | null): Precision {
  if (word === null || word === "") return "ns";
  const precision = precisions.find((one) => one === word);
  if (precision !== undefined) return precision;
  const message = `precision ${JSON.stringify(word.slice(0, 20))} is not known: send ns, us, ms or s`;
  throw new HttpProblem(400, message, { members: { code: "invalid", message, error: message } });
}

/** Addresses are logged and shared. */
function assertNoCredential(query: URLSearchParams): void {
  if (!query.has("u") && !query.has("p") && !query.has("token")) return;
  const message =
    "a credential in the address (u, p, token) is not accepted: send it as Authorization: Token KEY, or as the password of Basic";
  throw new HttpProblem(400, message, { members: { code: "invalid", message, error: message } });
}
