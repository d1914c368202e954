// Clients of the contract over Connect, with the key of this tab.
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { computed, type ReadonlySignal } from "@preact/signals";
import { AccessService } from "#gen/millrace/v1/access_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { key } from "./session.ts";

export type Clients = {
  readonly signals: Client<typeof SignalService>;
  readonly access: Client<typeof AccessService>;
};

/** How long a call with one answer may take. Streams last as long as they are read. */
const unaryTimeoutMs = 30_000;

/** Binary Connect to the gateway at `baseUrl`. Also for workers. */
export function createTransport(baseUrl: string, credential: string | undefined): Transport {
  const withKey: Interceptor = (next) => (request) => {
    if (credential !== undefined) request.header.set("authorization", `Bearer ${credential}`);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl,
    useBinaryFormat: true,
    interceptors: [withKey],
  });
  return {
    unary: (method, abort, timeoutMs, header, input, values) =>
      transport.unary(method, abort, timeoutMs ?? unaryTimeoutMs, header, input, values),
    stream: transport.stream.bind(transport),
  };
}

/** New ones whenever the key changes. */
export const clients: ReadonlySignal<Clients> = computed(() => {
  const transport = createTransport(location.origin, key.value);
  return {
    signals: createClient(SignalService, transport),
    access: createClient(AccessService, transport),
  };
});
