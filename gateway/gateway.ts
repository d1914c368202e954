// The gateway put together: front door, guards, forwarder, REST. Holds no data and no rule about signals.
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { fastify } from "fastify";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { ServerReflection } from "#gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "#gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import type { Log } from "../runtime/log.ts";
import { mountConnect } from "./connect.ts";
import { shuttingDown } from "./errors.ts";
import { forwardService } from "./forward.ts";
import { openFrontDoor } from "./front-door.ts";
import { createGate } from "./gate.ts";
import { guardRoutes } from "./guard.ts";
import type { Heartbeat } from "./rest/call.ts";
import { mountRest, refuseUnknown, sendProblem } from "./rest/mount.ts";
import { routes } from "./rest/routes.ts";
import { createUpstream } from "./upstream.ts";

export type GatewayOptions = {
  host: string;
  /** 0 for any free port. */
  port: number;
  /** "http://host:port". */
  accessorUrl: string;
  log: Log;
  /** Longest that a call with one answer may take. Default 30 s. */
  unaryDeadlineMs?: number;
  /** How long requests in flight may take when the gateway closes. Default 3 s. */
  drainMs?: number;
  /** When live feeds write a comment; default every 15 s. */
  heartbeat?: Heartbeat;
  /** Milliseconds since the epoch; default Date.now. */
  now?: () => number;
};

export type Gateway = AsyncDisposable & { readonly port: number };

const maxBodyBytes = 32 * 1024 * 1024;
/** Above what the accessor takes as a batch, so that too big is its answer and not a broken call. */
const maxMessageBytes = 48 * 1024 * 1024;

/** Listens. Disposal stops accepting, ends streams, lets calls with one answer finish, and closes. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { log, unaryDeadlineMs = 30_000, drainMs = 3_000, heartbeat = every15s, now = Date.now } = options;
  const shutdown = new AbortController();
  const upstream = createUpstream(options.accessorUrl);
  const app = fastify({
    bodyLimit: maxBodyBytes,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 512 },
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply, log),
  });
  app.setErrorHandler((error, request, reply) => sendProblem(error as never, request, reply, log));
  app.setNotFoundHandler((request) => refuseUnknown(routes, request));
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
  });
  app.addHook("onResponse", async ({ method, url }, { statusCode, elapsedTime }) => {
    log.debug("request", { method, path: url.split("?")[0], status: statusCode, ms: Math.round(elapsedTime) });
  });
  guardRoutes(app, createGate({ upstream, log }));
  mountConnect(app, {
    readMaxBytes: maxMessageBytes,
    log,
    routes(router) {
      const forwarding = {
        upstream,
        unaryDeadlineMs,
        shutdownSignal: shutdown.signal,
        onError: logFailure(log, shutdown.signal),
      };
      for (const service of [
        SignalService,
        IngestService,
        AccessService,
        Health,
        ServerReflection,
        ServerReflectionAlpha,
      ]) {
        forwardService(router, service, forwarding);
      }
    },
  });
  mountRest(app, { routes, upstream, unaryDeadlineMs, shutdownSignal: shutdown.signal, heartbeat, now, log });
  await app.ready();

  try {
    const { host, port } = options;
    const door = await openFrontDoor({ host, port, handle: (request, response) => app.routing(request, response) });
    return {
      port: door.port,
      async [Symbol.asyncDispose]() {
        const closed = door.close({ drainMs });
        shutdown.abort(shuttingDown());
        await closed;
        await app.close();
        upstream[Symbol.dispose]();
      },
    };
  } catch (error) {
    await app.close();
    upstream[Symbol.dispose]();
    throw error;
  }
}

const every15s: Heartbeat = (beat) => {
  const timer = setInterval(beat, 15_000);
  return () => clearInterval(timer);
};

/** Failures that are ours or the accessor's; what a client did wrong is its own to read. */
function logFailure(log: Log, shutdown: AbortSignal) {
  const ours = new Set([Code.Unknown, Code.Internal, Code.Unavailable, Code.DataLoss, Code.Unimplemented]);
  return (error: unknown, { service, method }: HandlerContext) => {
    const { code } = ConnectError.from(error);
    if (ours.has(code) && !shutdown.aborted)
      log.warn("call failed", { method: `${service.typeName}/${method.name}`, error });
  };
}
