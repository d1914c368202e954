// Ports of 127.0.0.1 that were free a moment ago, for programs that do not accept 0.
import { createServer } from "node:net";

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise((resolve) =>
      server.listening ? resolve(0) : server.once("listening", resolve),
    );
    ports.push((server.address() as { port: number }).port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
