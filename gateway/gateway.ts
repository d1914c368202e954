// Assembles the gateway: one port, checks of requests, limits, forwarding, REST. Has no data and no
// rules about signals.
import { getEventListeners } from "node:events";
import { type FastifyError, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { createRefusalAudit } from "../access/audit.ts";
import { ConfigError } from "../runtime/config.ts";
import { type Log, limitLines } from "../runtime/log.ts";
import type { Certificates } from "../runtime/tls/certificates.ts";
import { isLoopbackHost } from "../runtime/tls/listening.ts";
import { allowHosts } from "./admission/allowed-hosts.ts";
import { createAuthorizer, isAuthenticationOff } from "./admission/authorize.ts";
import { allowOrigins } from "./admission/cors.ts";
import { checkRequests } from "./admission/request-checks.ts";
import { AnswerCache } from "./cache/answer-cache.ts";
import {
  type AddressReader,
  createAddressReader,
  isLoopback,
  networkOf,
  plainAddress,
} from "./caller/client-address.ts";
import { readBuiltConsole } from "./console/built-console.ts";
import { serveConsole } from "./console/serve-console.ts";
import { shuttingDown } from "./errors/reasons.ts";
import { securityHeaders } from "./http/response-headers.ts";
import { openHttpServer } from "./http/server.ts";
import { type BodyDeadlineOptions, createBodyDeadlines } from "./limits/body-deadlines.ts";
import { CallerShares } from "./limits/caller-shares.ts";
import { type GatewayLimits, unlimited } from "./limits/limit-settings.ts";
import { Limiter } from "./limits/limiter.ts";
import { createReaderDeadlines, type ReaderDeadlineOptions } from "./limits/reader-deadlines.ts";
import { createRequestQuotas } from "./limits/request-quotas.ts";
import { watchTransfers } from "./limits/transfers.ts";
import { defaultLineMapping, type LineMapping } from "./line/line-settings.ts";
import { mountLines } from "./line/mount-lines.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { RefusalCounts } from "./metrics/refusal-counts.ts";
import type { Heartbeat } from "./rest/call.ts";
import { mountRest } from "./rest/mount.ts";
import { routes } from "./rest/routes.ts";
import { sendProblem } from "./rest/send-problem.ts";
import { refuseUnknown } from "./rest/unknown-routes.ts";
import { mountServices } from "./rpc/services.ts";
import { createUpstream } from "./upstream/upstream.ts";

export type GatewayOptions = {
  host: string;
  /** 0 for any free port. */
  port: number;
  /** "http://host:port", or "https://…" for TLS. */
  accessorUrl: string;
  /**
   * Authorities to trust there, and the certificate to present. Default: Node's authorities, and
   * none.
   */
  accessorCertificates?: Certificates | undefined;
  log: Log;
  /** Serve TLS only, with these. Default: in the clear. */
  certificates?: Certificates | undefined;
  /** How long browsers are told to use only TLS. Default: not at all. */
  hstsMs?: number | undefined;
  /** Serve only while the accessor has authentication on. Default false. */
  mustAuthenticate?: boolean;
  /** Limits on clients. Default: none. */
  limits?: GatewayLimits;
  /** Origins whose pages may call. Default: only the gateway's own. */
  corsOrigins?: readonly string[];
  /**
   * Names that the gateway answers to besides those of this machine. Default: any, or none on
   * loopback while authentication is off.
   */
  allowedHosts?: readonly string[];
  /** How stalled bodies are detected. Default: after 30 s. */
  bodyDeadlines?: BodyDeadlineOptions;
  /** How answers that are not read are detected. Default: after 2 min. */
  readerDeadlines?: ReaderDeadlineOptions;
  /** How line protocol becomes records. Default: without any rule. */
  lineMapping?: LineMapping;
  /** Longest that a call with one answer may take. Default 30 s. */
  unaryDeadlineMs?: number;
  /** How long requests in flight may take when the gateway closes. Default 3 s. */
  drainMs?: number;
  /** Folder of the built console. Default: none; "/" then shows the reference. */
  consoleDir?: string | undefined;
  /** Size of the answer cache in bytes; 0: none. Default 64 MiB. */
  cacheBytes?: number;
  /** When live feeds write a comment; default every 15 s. */
  heartbeat?: Heartbeat;
  /** Milliseconds since the epoch; default Date.now. */
  now?: () => number;
};

export type Gateway = AsyncDisposable & {
  readonly port: number;
  /** What requests hold now, by name; all of it is released when they end. */
  borrowed(): Record<string, number>;
};

const maxBodyBytes = 32 * 1024 * 1024;

/**
 * Listens. Disposal stops accepting, ends streams, lets calls with one answer finish, and closes.
 */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const {
    log,
    unaryDeadlineMs = 30_000,
    drainMs = 3_000,
    heartbeat = every15s,
    now = Date.now,
  } = options;
  const { mustAuthenticate = false, certificates, hstsMs } = options;
  // For events that callers can cause as often as they like.
  const callLog = limitLines(log);
  const shutdown = new AbortController();
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(
    createUpstream(options.accessorUrl, { certificates: options.accessorCertificates }),
  );
  if (mustAuthenticate && (await isAuthenticationOff(upstream)))
    throw new ConfigError([
      "--listen: this address serves other machines, but the accessor has authentication off: start it with --auth keys, or allow that " +
        "with --listen-without-authentication",
    ]);
  const refusals = new RefusalCounts();
  const refuse = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
    refusals.countProblem(sendProblem(error, request, reply, callLog));
  const app = fastify({
    bodyLimit: maxBodyBytes,
    // It needs no limit of its own: a percent-encoded name can be as long as headers may be, and
    // then gets a specific refusal.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 64 * 1024 },
    frameworkErrors: refuse,
  });
  app.setErrorHandler<FastifyError>(refuse);
  app.setNotFoundHandler((request) => refuseUnknown(routes, request));
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers(securityHeaders);
    if (hstsMs !== undefined)
      reply.header("strict-transport-security", `max-age=${Math.floor(hstsMs / 1000)}`);
  });
  const authorize = createAuthorizer({ upstream, log, mustAuthenticate });
  allowHosts(app, {
    names: options.allowedHosts ?? [],
    isAuthenticationOff: authorize.isAuthenticationOff,
    listensOnLoopback: isLoopbackHost(options.host),
    log,
  });
  await allowOrigins(app, options.corsOrigins ?? []);
  app.addHook("onResponse", async ({ method, url }, { statusCode, elapsedTime }) => {
    log.debug("request", {
      method,
      path: url.split("?")[0],
      status: statusCode,
      ms: Math.round(elapsedTime),
    });
  });
  const { limits = unlimited } = options;
  const addresses = createAddressReader(limits.trustedProxies);
  const limiter = new Limiter(limits);
  const shares = new CallerShares(limits.shares);
  const bodies = stack.use(
    createBodyDeadlines(options.bodyDeadlines ?? { bodyTimeoutMs: 30_000 }, shares.of.bodies),
  );
  const readers = stack.use(
    createReaderDeadlines(
      options.readerDeadlines ?? { readerTimeoutMs: 120_000 },
      shares.of["unread-bytes"],
    ),
  );
  stack.defer(() => app.close());
  const quotas = createRequestQuotas({
    limiter,
    addresses,
    limitLoopback: limits.limitLoopback,
    log,
  });
  const countRefusal = (error: unknown) => refusals.count(error);
  const openRequests = watchTransfers(app, {
    addressOf: quotas.addressOf,
    bodies,
    readers,
    onSlow: countRefusal,
  });
  checkRequests(app, { authorize, quotas, shares, onRefused: countRefusal });
  if (options.consoleDir !== undefined) {
    const built = await readBuiltConsole(options.consoleDir);
    if (built !== undefined) serveConsole(app, built);
    else
      log.info("the console is not built; npm run console:build does it", {
        folder: options.consoleDir,
      });
  }
  mountServices(app, {
    upstream,
    unaryDeadlineMs,
    shutdownSignal: shutdown.signal,
    shares,
    readers,
    countRefusal,
    log,
    callLog,
  });
  mountLines(app, {
    mapping: options.lineMapping ?? defaultLineMapping,
    upstream,
    shares,
    unaryDeadlineMs,
    shutdownSignal: shutdown.signal,
    now,
    callLog,
  });
  const cache = new AnswerCache({ maxBytes: options.cacheBytes ?? 64 * 1024 * 1024 });
  const borrowed = () => {
    const { streams, bufferedBytes } = upstream.borrowed();
    return {
      requests: openRequests(),
      ...shares.borrowed(),
      "upstream-streams": streams,
      "upstream-bytes": bufferedBytes,
      "limited-streams": limiter.streams,
      "watched-bodies": bodies.size,
      "watched-answers": readers.size,
      "shared-answers": cache.making,
      "shutdown-listeners": getEventListeners(shutdown.signal, "abort").length,
    };
  };
  const connections = () => ({
    open: server.connections.open,
    refused: server.connections.refused,
  });
  mountRest(app, {
    routes,
    upstream,
    unaryDeadlineMs,
    shutdownSignal: shutdown.signal,
    heartbeat,
    cache,
    shares,
    readers,
    onSlow: countRefusal,
    metrics: createMetrics({ cache, refusals, borrowed, connections }),
    now,
    log: callLog,
  });
  await app.ready();

  const { host, port } = options;
  const audit = createRefusalAudit({
    write: (message, fields) => log.warn(message, fields),
    monotonicMs: () => performance.now(),
    what: "connection",
  });
  const server = await openHttpServer({
    host,
    port,
    handle: (request, response) => app.routing(request, response),
    tls: certificates && {
      certificates,
      onRefused: ({ reason, peer, names }) => audit({ reason, peer, principal: names?.join(", ") }),
    },
    limits: limits.connections,
    clientOf: ({ remoteAddress = "" }) => limitedAddress(remoteAddress, { addresses, limits }),
  });
  stack.defer(async () => {
    const closed = server.close({ drainMs });
    shutdown.abort(shuttingDown());
    await closed;
  });
  const owned = stack.move();
  return {
    port: server.port,
    borrowed,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/**
 * The address that limits apply to, if any: proxies have many clients, and programs on this machine
 * have limits only if that is configured.
 */
function limitedAddress(
  remoteAddress: string,
  { addresses, limits }: { addresses: AddressReader; limits: GatewayLimits },
): string | undefined {
  const address = plainAddress(remoteAddress);
  const free = addresses.isProxy(address) || (isLoopback(address) && !limits.limitLoopback);
  return free ? undefined : networkOf(address);
}

const every15s: Heartbeat = (beat) => {
  const timer = setInterval(beat, 15_000);
  return () => clearInterval(timer);
};
