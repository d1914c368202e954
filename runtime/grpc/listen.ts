// Listens for a grpc-js server: connections are counted as they come, and handed to it. Its own
// listener takes as many as come, and tells nobody.
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { type AddressInfo, createServer, isIP, type Socket } from "node:net";
import type { Server } from "@grpc/grpc-js";
import type { Connections } from "./connections.ts";
import { createInjector, type InjectorOptions } from "./injector.ts";

export type ListenOptions = { host: string; port: number; connections: Connections };

/** stop: no new connections. */
export type Listener = { readonly port: number; stop(): void };

/**
 * Hands every connection that may stay to `take`. Rejects if the address cannot be had. A name is
 * listened on at all its addresses.
 */
export async function listen(
  { host, port, connections }: ListenOptions,
  take: (socket: Socket) => void,
): Promise<Listener> {
  const addresses = isIP(host) > 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
  await using stack = new AsyncDisposableStack();
  let bound = port;
  for (const address of new Set(addresses)) {
    const tcp = createServer({ noDelay: true }, (socket) => {
      socket.on("error", () => socket.destroy());
      if (connections.admit(socket)) take(socket);
    });
    tcp.listen(bound, address);
    await once(tcp, "listening");
    stack.defer(() => void tcp.close());
    bound = (tcp.address() as AddressInfo).port;
  }
  const owned = stack.move();
  return { port: bound, stop: () => void owned.disposeAsync() };
}

export function listenInTheClear(server: Server, options: ListenOptions & InjectorOptions): Promise<Listener> {
  const injector = createInjector(server, options);
  return listen(options, (socket) => injector.injectConnection(socket));
}
