// TLS for a grpc-js server. Its own TLS has no time limit on handshakes, tells nobody why it refuses a client, and looks at no names, so that
// connections are secured here and handed to it as they are.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type Server, ServerCredentials } from "@grpc/grpc-js";
import { createTlsLayer, type TlsOptions } from "../tls/layer.ts";
import type { Listener } from "./server.ts";

export type SecureOptions = Pick<TlsOptions, "certificates" | "allowsClient" | "onRefused"> & {
  /** Longest that a handshake may take. Default 10 s. */
  handshakeMs?: number;
};

/** Listens. Rejects if the address cannot be had. */
export async function listenSecurely(
  server: Server,
  { host, port, handshakeMs = 10_000, ...options }: SecureOptions & { host: string; port: number },
): Promise<Listener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const layer = createTlsLayer({
    ...options,
    ...{ protocols: ["h2"], handshakeMs },
    onSecure: (socket) => injector.injectConnection(socket),
  });
  const tcp = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    layer.secure(socket);
  });
  tcp.listen(port, host);
  await once(tcp, "listening");
  return {
    port: (tcp.address() as AddressInfo).port,
    stop() {
      tcp.close();
      layer[Symbol.dispose]();
    },
  };
}
