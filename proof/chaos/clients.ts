// How clients of the harness reach the accessors: through fault proxies, a different one for each
// reconnect.
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { ErrorInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { signalCodecs } from "../../client/codecs.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import type { Random } from "./random.ts";

export interface Reach extends Disposable {
  readonly ingest: Client<typeof IngestService>;
  readonly signals: Client<typeof SignalService>;
}

/** A connection of its own to one of the accessors. */
export function reach(ports: readonly number[], random: Random): Reach {
  const transport = createGrpcTransport({
    baseUrl: `http://127.0.0.1:${random.pick(ports)}`,
    codecs: signalCodecs,
  });
  return {
    ingest: createClient(IngestService, transport),
    signals: createClient(SignalService, transport),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}

/** The contract's reason of an error, or its code. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof ConnectError)) return String(error);
  return error.findDetails(ErrorInfoSchema)[0]?.reason ?? `code ${error.code}: ${error.rawMessage}`;
}

/** The metadata of the contract's reason. */
export function metadataOf(error: unknown): Record<string, string> {
  return error instanceof ConnectError
    ? (error.findDetails(ErrorInfoSchema)[0]?.metadata ?? {})
    : {};
}

/** Sleeps at most this long; returns at once, without failing, when the abort signal fires. */
export function pause(ms: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      abort.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    abort.addEventListener("abort", done, { once: true });
    if (abort.aborted) done();
  });
}
