// Listens for a grpc-js server: counts connections as they arrive, and passes them to it. The
// server's own listener takes any number, and does not report them.
import { lookup } from "node:dns/promises";
import { isIP, type Socket } from "node:net";
import type { Server } from "@grpc/grpc-js";
import { listenTcp } from "../tcp-listener.ts";
import type { Connections } from "./connections.ts";
import { createInjector, type InjectorOptions } from "./injector.ts";

export type ListenOptions = { host: string; port: number; connections: Connections };

/** stop: no new connections. */
export type Listener = { readonly port: number; stop(): void };

/**
 * Passes every connection that may stay to `take`. Rejects if the address is not available. For a
 * name, it listens on all its addresses.
 */
export async function listen(
  { host, port, connections }: ListenOptions,
  take: (socket: Socket) => void,
): Promise<Listener> {
  const addresses =
    isIP(host) > 0 ? [host] : (await lookup(host, { all: true })).map(({ address }) => address);
  await using stack = new AsyncDisposableStack();
  let bound = port;
  for (const address of new Set(addresses)) {
    const tcp = await listenTcp({ host: address, port: bound }, (socket) => {
      socket.on("error", () => socket.destroy());
      if (connections.admit(socket)) take(socket);
    });
    stack.defer(() => void tcp.close());
    bound = tcp.port;
  }
  const owned = stack.move();
  return { port: bound, stop: () => void owned.disposeAsync() };
}

export function listenInTheClear(
  server: Server,
  options: ListenOptions & InjectorOptions,
): Promise<Listener> {
  const injector = createInjector(server, options);
  return listen(options, (socket) => injector.injectConnection(socket));
}
