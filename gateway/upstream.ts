// The way to the accessor: one connection for calls with one answer, and one of its own for each stream.
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { Health } from "#gen/grpc/health/v1/health_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { createGrpcTransport, type GrpcTransport } from "../runtime/grpc/transport.ts";

export type Upstream = Disposable & {
  /** For unary calls. */
  readonly transport: Transport;
  readonly signals: Client<typeof SignalService>;
  readonly ingest: Client<typeof IngestService>;
  readonly health: Client<typeof Health>;
  /**
   * A transport for one stream; give it back when the stream has ended. HTTP/2 limits what is in flight for a connection as well as
   * for a stream, so on a shared one a single client that stops reading would hold up everybody.
   */
  borrow(): { transport: Transport; giveBack: () => void };
};

/** Connections kept for the next stream. */
const maxIdle = 8;

/** Connects when first used. `accessorUrl` is "http://host:port". */
export function createUpstream(accessorUrl: string): Upstream {
  const connect = () => createGrpcTransport({ baseUrl: accessorUrl });
  const shared = connect();
  const idle: GrpcTransport[] = [];
  const lent = new Set<GrpcTransport>();
  let closed = false;
  return {
    transport: shared,
    signals: createClient(SignalService, shared),
    ingest: createClient(IngestService, shared),
    health: createClient(Health, shared),
    borrow() {
      const transport = idle.pop() ?? connect();
      lent.add(transport);
      return {
        transport,
        giveBack: () => {
          if (!lent.delete(transport)) return;
          if (closed || idle.length >= maxIdle) transport[Symbol.dispose]();
          else idle.push(transport);
        },
      };
    },
    [Symbol.dispose]() {
      closed = true;
      for (const transport of [shared, ...idle.splice(0), ...lent]) transport[Symbol.dispose]();
    },
  };
}
