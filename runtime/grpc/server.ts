// A grpc-js server that listens, reports its port, and stops in order: endless streams first, then
// calls in flight.
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { Server, type ServerOptions, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { type ArrivalOptions, Arrivals } from "./arrivals.ts";
import { type Authorize, createAuthorization } from "./authorize.ts";
import { type CallRefusal, createRefuse } from "./call-refusal.ts";
import {
  type CallLimitName,
  type CallLimits,
  CallStarts,
  defaultCallLimits,
} from "./call-starts.ts";
import { type Caller, readCaller } from "./calling.ts";
import { createCompress } from "./compress.ts";
import { type ConnectionLimits, Connections } from "./connections.ts";
import { createTurns } from "./decompress.ts";
import { toServerDefinition } from "./definition.ts";
import { sendFrames } from "./frame.ts";
import { type HandlerOptions, toHandlers } from "./handler.ts";
import { limitRequests } from "./limit-requests.ts";
import { listenInTheClear } from "./listen.ts";
import { limitsBySize, type MessageLimits } from "./message-limits.ts";
import { type OutgoingOptions, OutgoingWatch } from "./outgoing.ts";
import { listenSecurely, type SecureOptions } from "./secure-listener.ts";
import { firstStreams } from "./session-pace.ts";

export type GrpcServerOptions = Omit<
  HandlerOptions,
  | "shutdownSignal"
  | "authorizedBy"
  | "decompressInTurn"
  | "compress"
  | "limitsOf"
  | "outgoing"
  | "arrivalOf"
> & {
  /** Decides about each call before any of its messages is read. Default: every call is allowed. */
  authorize?: Authorize | undefined;
  host: string;
  /** 0 for any free port. */
  port: number;
  /**
   * Largest message that is accepted, on the wire and decompressed. Larger ones end their call with
   * RESOURCE_EXHAUSTED.
   */
  maxMessageBytes: number;
  /**
   * What a request of a method may cost. Default: maxMessageBytes, and 32 times as much decoded.
   */
  limitsOf?: (method: DescMethod) => MessageLimits;
  /** How many requests of all calls are decompressed at once. Default 2. */
  decompressAtOnce?: number;
  /** How long calls in flight may take to finish when the server closes. */
  drainMs: number;
  /** The error that endless streams end with when the server closes. */
  shutdownReason: () => unknown;
  /** Bounds on what clients have not read. */
  outgoing?: OutgoingOptions;
  /**
   * Room for requests of more than 4 KiB, from when they begin to arrive until their handler has
   * finished with them, and the caller whose share a call uses. Default: unlimited.
   */
  incoming?: ArrivalOptions & { callerOf: (caller: Caller) => string };
  /** How many connections there may be. Default 10,000. */
  connections?: ConnectionLimits;
  /** The answer to calls beyond the bounds. Default: RESOURCE_EXHAUSTED. */
  calls?: CallRefusal;
  callLimits?: CallLimits;
  /** Speaks TLS only. Default: in the clear. */
  tls?: SecureOptions | undefined;
};

export type GrpcServer = AsyncDisposable & {
  readonly port: number;
  readonly shutdownSignal: AbortSignal;
  /** How many connections there are. */
  readonly connections: number;
  /** Calls that have arrived and are not finished. */
  readonly openCalls: number;
  /** Bytes that were written and that clients have not yet read. */
  readonly unreadBytes: number;
};

/** Methods that an implementation lacks answer UNIMPLEMENTED. */
export type Mount = <S extends DescService>(service: S, impl: Partial<ServiceImpl<S>>) => void;

/**
 * Mounts services and listens. Disposal stops accepting, aborts the calls' signals, waits for them
 * up to drainMs, then cuts the connections.
 */
export async function openGrpcServer(
  options: GrpcServerOptions,
  mountAll: (mount: Mount) => void,
): Promise<GrpcServer> {
  const shutdown = new AbortController();
  const authorization = options.authorize && createAuthorization(options.authorize);
  const methods = new Map<string, DescMethod>();
  const limitsOf = options.limitsOf ?? (() => limitsBySize(options.maxMessageBytes));
  const arrivals = options.incoming && new Arrivals(options.incoming);
  const { interceptor, arrivalOf } = limitRequests((path) => methods.get(path), {
    ...options,
    limitsOf,
    arrivals,
    callerOf: (call) =>
      options.incoming!.callerOf(readCaller(call, authorization?.authorizedBy(call.metadata))),
  });
  const outgoing = new OutgoingWatch(options.outgoing);
  const server = new Server({
    ...channelOptions,
    // The first interceptor is the one next to the connection.
    interceptors: [sendFrames, interceptor, ...(authorization ? [authorization.interceptor] : [])],
  });
  const decompressInTurn = createTurns(options.decompressAtOnce ?? 2);
  const compress = createCompress();
  mountAll((service, impl) => {
    for (const method of service.methods)
      methods.set(`/${service.typeName}/${method.name}`, method);
    const definition = Object.fromEntries(
      service.methods.map((method) => [method.localName, toServerDefinition(method)]),
    );
    const handlers: UntypedServiceImplementation = toHandlers(service, impl, {
      ...options,
      limitsOf,
      decompressInTurn,
      compress,
      outgoing,
      arrivalOf,
      shutdownSignal: shutdown.signal,
      ...(authorization && { authorizedBy: authorization.authorizedBy }),
    });
    server.addService(definition, handlers);
  });
  const connections = new Connections(
    options.connections ?? { maxConnections: 10_000, maxPerAddress: 10_000 },
  );
  const starts = new CallStarts(
    options.callLimits ?? defaultCallLimits,
    createRefuse(options.calls ?? { refusalOf }),
  );
  const listener = await (options.tls
    ? listenSecurely(server, { ...options, ...options.tls, connections, starts })
    : listenInTheClear(server, { ...options, connections, starts }));
  return {
    port: listener.port,
    shutdownSignal: shutdown.signal,
    get connections() {
      return connections.open;
    },
    get openCalls() {
      return starts.open;
    },
    get unreadBytes() {
      return outgoing.bytes;
    },
    async [Symbol.asyncDispose]() {
      shutdown.abort(options.shutdownReason());
      listener.stop();
      // Its callback comes before connections that it did not accept itself have closed.
      server.tryShutdown(() => {});
      let cut: NodeJS.Timeout | undefined;
      await Promise.race([
        connections.none(),
        new Promise<void>((resolve) => {
          cut = setTimeout(resolve, options.drainMs);
        }),
      ]);
      clearTimeout(cut);
      server.forceShutdown();
      outgoing[Symbol.dispose]();
      arrivals?.[Symbol.dispose]();
    },
  };
}

const refusalOf = (limit: CallLimitName) =>
  new ConnectError(`there are too many calls: ${limit}`, Code.ResourceExhausted);

const channelOptions: ServerOptions = {
  "grpc.max_send_message_length": -1,
  "grpc.max_concurrent_streams": firstStreams,
  // A peer that disappears without closing is detected within 15 s: a half-open connection would
  // hold its streams for ever.
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.keepalive_permit_without_calls": 1,
  // Nothing reads channelz, but without it grpc-js 1.14 keeps no list of its connections and
  // forceShutdown() cuts none. It no longer leaks (grpc-node#2068): 3,000 connections leave the
  // heap unchanged.
  "grpc.enable_channelz": 1,
};
