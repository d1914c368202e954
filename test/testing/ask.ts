// Ways to ask a running system one question: gRPC to the accessor; Connect, gRPC-Web and REST to
// the gateway.
import { type Client, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { type Json, toJsonText } from "../../codec/row/json-text.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";

export interface Clients {
  readonly signals: Client<typeof SignalService>;
  readonly ingest: Client<typeof IngestService>;
}

const clientsOver = (transport: Transport): Clients => ({
  signals: createClient(SignalService, transport),
  ingest: createClient(IngestService, transport),
});

/** Clients over gRPC; dispose to close the connection. */
export function grpcClients(baseUrl: string): Clients & Disposable {
  const transport = createGrpcTransport({ baseUrl });
  return { ...clientsOver(transport), [Symbol.dispose]: () => transport[Symbol.dispose]() };
}

/** The clients of a browser or a script, by name. */
export function gatewayClients(baseUrl: string): Record<string, Clients> {
  return {
    "gRPC-Web": clientsOver(createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
    "Connect JSON": clientsOver(
      createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
    ),
    "Connect GET": clientsOver(
      createConnectTransport({
        baseUrl,
        httpVersion: "1.1",
        useBinaryFormat: false,
        useHttpGet: true,
      }),
    ),
  };
}

/** Status and JSON of a REST call; it is a POST if it has a body. */
export async function rest(
  url: string,
  body?: unknown,
): Promise<{ status: number; body: RestBody }> {
  const post = { method: "POST", headers: { "content-type": "application/json" } };
  const response = await fetch(
    url,
    body === undefined
      ? {}
      : { ...post, body: typeof body === "string" ? body : toJsonText(body as Json) },
  );
  return { status: response.status, body: (await response.json()) as RestBody };
}

/** The parts of the answers that the tests check. */
export type RestBody = {
  signals?: Record<string, unknown>[];
  verdicts?: Record<string, unknown>[];
  reason?: string;
  detail?: string;
  next_page_token?: string;
  cursor?: string;
} & Record<string, unknown>;

/** Why a call failed: the reason of the contract, and the message. Fails if it succeeded. */
export async function failure(
  call: Promise<unknown>,
): Promise<{ reason: string; message: string }> {
  const error = await call.then(
    (answer) =>
      new Error(
        `answered ${JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? String(value) : value))}`,
      ),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ConnectError)) throw error;
  const [info] = error.findDetails(ErrorInfoSchema);
  return { reason: info?.reason ?? "", message: error.rawMessage };
}
