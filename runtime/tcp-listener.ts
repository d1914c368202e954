// Listens for TCP connections with several sockets on one port. In a round of the event loop, Node
// takes one connection from each: with a single socket, some hundred clients a second that connect
// and leave fill its queue, and all other connections wait for seconds.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export type TcpListener = {
  readonly port: number;
  /** Stops accepting; resolves when the last connection has ended. */
  close(): Promise<void>;
};

// Several sockets only if the system spreads connections over the sockets of one port.
const socketsOfPort = process.platform === "linux" ? 16 : 1;
const attempts = 10;

/**
 * port 0: any free one. Rejects if the address is not available, including when another process
 * shares its port.
 */
export async function listenTcp(
  { host, port }: { host: string; port: number },
  take: (socket: Socket) => void,
): Promise<TcpListener> {
  for (let attempt = 1; ; attempt++) {
    // Open one exclusive socket first, which fails if another process already listens: sockets that
    // share a port do not fail.
    const alone = await open(
      { host, port, reusePort: false },
      socketsOfPort === 1 ? take : (socket) => void socket.on("error", () => {}).destroy(),
    );
    const { port: bound } = alone.address() as AddressInfo;
    if (socketsOfPort === 1) return listenerOf([alone], bound);
    alone.close();
    await once(alone, "close");
    try {
      return await share({ host, port: bound }, take);
    } catch (error) {
      // Another process has got the port meanwhile.
      if (
        port !== 0 ||
        attempt === attempts ||
        (error as NodeJS.ErrnoException).code !== "EADDRINUSE"
      )
        throw error;
    }
  }
}

async function share(
  at: { host: string; port: number },
  take: (socket: Socket) => void,
): Promise<TcpListener> {
  const servers: Server[] = [];
  try {
    while (servers.length < socketsOfPort)
      servers.push(await open({ ...at, reusePort: true }, take));
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return listenerOf(servers, at.port);
}

async function open(
  at: { host: string; port: number; reusePort: boolean },
  take: (socket: Socket) => void,
): Promise<Server> {
  const server = createServer({ noDelay: true }, take);
  server.listen({ ...at, exclusive: true });
  await once(server, "listening");
  return server;
}

function listenerOf(servers: readonly Server[], port: number): TcpListener {
  return {
    port,
    async close() {
      const closed = servers.map((server) => once(server, "close"));
      for (const server of servers) server.close();
      await Promise.all(closed);
    },
  };
}
