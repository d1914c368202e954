// TLS for a grpc-js server. The server's own TLS has no time limit on handshakes, does not report
// why it refuses a client, and checks no names. So connections are secured here and then passed to
// it.
import type { Server } from "@grpc/grpc-js";
import { createTlsLayer, type TlsOptions } from "../tls/layer.ts";
import { createInjector, type InjectorOptions } from "./injector.ts";
import { type Listener, type ListenOptions, listen } from "./listen.ts";

export type SecureOptions = Pick<TlsOptions, "certificates" | "allowsClient" | "onRefused"> & {
  /** Longest duration of a handshake. Default 10 s. */
  handshakeMs?: number;
};

/** Listens. Rejects if the address is not available. */
export async function listenSecurely(
  server: Server,
  {
    host,
    port,
    connections,
    starts,
    handshakeMs = 10_000,
    ...options
  }: SecureOptions & ListenOptions & InjectorOptions,
): Promise<Listener> {
  const injector = createInjector(server, { connections, starts });
  const layer = createTlsLayer({
    ...options,
    protocols: ["h2"],
    handshakeMs,
    onSecure: (socket) => injector.injectConnection(socket),
  });
  const listener = await listen({ host, port, connections }, (socket) => layer.secure(socket));
  return {
    port: listener.port,
    stop() {
      listener.stop();
      layer[Symbol.dispose]();
    },
  };
}
