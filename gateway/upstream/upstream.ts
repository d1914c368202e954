// The way to the accessor: one connection for calls with one answer, others for streams, as many as
// these need.
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { MachineService } from "#gen/millrace/v1/machine_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { StatusService } from "#gen/millrace/v1/status_service_pb.ts";
import { bearer } from "../../access/credential.ts";
import { forwardedClientHeader } from "../../access/forwarded-client.ts";
import { createGrpcTransport, type GrpcTransport } from "../../runtime/grpc/transport.ts";
import type { Certificates } from "../../runtime/tls/certificates.ts";

export type Upstream = Disposable & {
  /**
   * The same, with every call carrying a credential, and the address or network for which the
   * gateway asks.
   */
  as(credential: string | undefined, network?: string): Upstream;
  readonly access: Client<typeof AccessService>;
  /** For unary calls. */
  readonly transport: Transport;
  readonly signals: Client<typeof SignalService>;
  readonly ingest: Client<typeof IngestService>;
  readonly machines: Client<typeof MachineService>;
  readonly health: Client<typeof Health>;
  readonly status: Client<typeof StatusService>;
  /** A transport for one stream; dispose of the loan, once or more often, when it has ended. */
  borrow(): Disposable & { transport: Transport };
  /** How many transports are lent, and the bytes that have arrived for them and are not read. */
  borrowed(): { streams: number; bufferedBytes: number };
};

export type UpstreamOptions = {
  streamsPerConnection?: number;
  certificates?: Certificates | undefined;
};

/**
 * Connects when first used. `accessorUrl` is "http://host:port", or "https://…" for TLS. A
 * connection carries up to `streamsPerConnection` streams (default 100): the accessor allows 100 at
 * first and 1,000 at most, and the next wait. Streams that stand still do not hold up others on
 * their connection, since Node reopens a connection's window as soon as bytes arrive: with 60 of
 * them stalled, a unary call beside them took 2 ms.
 */
export function createUpstream(
  accessorUrl: string,
  { streamsPerConnection = 100, certificates }: UpstreamOptions = {},
): Upstream {
  // What a client of ours does not take waits here, for each of a thousand streams.
  const windowBytes = 64 * 1024;
  const connect = () => createGrpcTransport({ baseUrl: accessorUrl, certificates, windowBytes });
  // Single answers are read as they come.
  const shared = createGrpcTransport({ baseUrl: accessorUrl, certificates });
  const streams = new Map<GrpcTransport, number>();
  const upstream: Upstream = withClients(shared, {
    as(credential, network) {
      const forwarded: Record<string, string> =
        network === undefined ? {} : { [forwardedClientHeader]: network };
      return withHeaders(
        upstream,
        credential === undefined ? forwarded : { ...forwarded, ...bearer(credential) },
      );
    },
    borrowed: () => ({
      streams: [...streams.values()].reduce((sum, count) => sum + count, 0),
      bufferedBytes: [shared, ...streams.keys()].reduce(
        (sum, { bufferedBytes }) => sum + bufferedBytes,
        0,
      ),
    }),
    borrow() {
      const [free] = [...streams].find(([, count]) => count < streamsPerConnection) ?? [connect()];
      streams.set(free, (streams.get(free) ?? 0) + 1);
      const loan = new DisposableStack();
      loan.defer(() => {
        const left = streams.get(free)! - 1;
        // One stays open for the next stream.
        if (left > 0 || streams.size === 1) streams.set(free, left);
        else {
          streams.delete(free);
          free[Symbol.dispose]();
        }
      });
      return { transport: free, [Symbol.dispose]: () => loan.dispose() };
    },
    [Symbol.dispose]() {
      for (const transport of [shared, ...streams.keys()]) transport[Symbol.dispose]();
    },
  });
  return upstream;
}

type Ways = Pick<Upstream, "as" | "borrow" | "borrowed" | typeof Symbol.dispose>;

/** Clients are made when first asked for: each request has its own, and uses one. */
function withClients(transport: Transport, ways: Ways): Upstream {
  const made: {
    -readonly [name in
      | "signals"
      | "ingest"
      | "machines"
      | "health"
      | "access"
      | "status"]?: Upstream[name];
  } = {};
  return {
    ...ways,
    transport,
    get signals() {
      made.signals ??= createClient(SignalService, transport);
      return made.signals;
    },
    get ingest() {
      made.ingest ??= createClient(IngestService, transport);
      return made.ingest;
    },
    get machines() {
      made.machines ??= createClient(MachineService, transport);
      return made.machines;
    },
    get health() {
      made.health ??= createClient(Health, transport);
      return made.health;
    },
    get status() {
      made.status ??= createClient(StatusService, transport);
      return made.status;
    },
    get access() {
      made.access ??= createClient(AccessService, transport);
      return made.access;
    },
  };
}

/** Disposing of it disposes of nothing: the connections are the other's. */
function withHeaders(upstream: Upstream, headers: Record<string, string>): Upstream {
  const wrap = (transport: Transport) => withHeadersOn(transport, headers);
  return withClients(wrap(upstream.transport), {
    as: upstream.as,
    borrowed: upstream.borrowed,
    borrow() {
      const loan = upstream.borrow();
      return { transport: wrap(loan.transport), [Symbol.dispose]: () => loan[Symbol.dispose]() };
    },
    [Symbol.dispose]() {},
  });
}

function withHeadersOn(transport: Transport, headers: Record<string, string>): Transport {
  const merged = (given: ConstructorParameters<typeof Headers>[0]) => {
    const all = new Headers(given);
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    return all;
  };
  return {
    unary: (method, abort, timeoutMs, header, ...rest) =>
      // biome-ignore lint/plugin: the arguments of this very call
      transport.unary(method, abort, timeoutMs, merged(header), ...rest),
    stream: (method, abort, timeoutMs, header, ...rest) =>
      // biome-ignore lint/plugin: the arguments of this very call
      transport.stream(method, abort, timeoutMs, merged(header), ...rest),
  };
}
