// A TCP proxy that misbehaves on demand: cuts, resets, swallows, delays, stalls, and writes byte by
// byte.
import { once } from "node:events";
import { createServer, connect as dial, type Socket } from "node:net";

export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Ends every connection, politely (FIN) or not (RST). */
  cut(how: "end" | "reset"): void;
  /** New connections are refused (accepted and reset at once) while on. */
  refuse(on: boolean): void;
  /** Each chunk of bytes waits this long. */
  delay(ms: number): void;
  /** Bytes go out one by one. */
  dribble(on: boolean): void;
  /**
   * Existing and new connections carry nothing, without being closed: half-open. Off: those
   * connections are reset.
   */
  swallow(on: boolean): void;
  /** Becomes an honest proxy again. */
  heal(): void;
}

type Link = { client: Socket; server: Socket; swallowed: boolean };

/** Forwards to a port of 127.0.0.1 that may change: it is read for each connection. */
export async function openFaultProxy(target: () => number): Promise<FaultProxy> {
  const links = new Set<Link>();
  let refusing = false;
  let delayMs = 0;
  let dribbling = false;
  let swallowing = false;

  const pump = async (from: Socket, to: Socket, link: Link) => {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
      if (link.swallowed) continue;
      // A thousand packets per chunk are enough to cut every frame at every place.
      const single = dribbling ? Math.min(chunk.length, 1_000) : 0;
      for (let i = 0; i < single; i++) to.write(chunk.subarray(i, i + 1));
      if (single < chunk.length && !to.write(chunk.subarray(single))) await once(to, "drain");
    }
    to.end();
  };

  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    client.on("error", () => {});
    if (refusing) return void client.resetAndDestroy();
    const upstream = dial({
      port: target(),
      host: "127.0.0.1",
      noDelay: true,
      allowHalfOpen: true,
    });
    const link = { client, server: upstream, swallowed: swallowing };
    links.add(link);
    const drop = () => {
      links.delete(link);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on("error", drop).on("close", drop);
    pump(client, upstream, link).catch(drop);
    pump(upstream, client, link).catch(drop);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  const reset = ({ client, server: upstream }: Link) => {
    client.resetAndDestroy();
    upstream.resetAndDestroy();
  };
  const swallow = (on: boolean) => {
    swallowing = on;
    for (const link of links) {
      if (on) link.swallowed = true;
      else if (link.swallowed) reset(link);
    }
  };
  return {
    port: (server.address() as { port: number }).port,
    cut(how) {
      for (const link of links) {
        if (how === "reset") reset(link);
        else {
          link.client.destroy();
          link.server.destroy();
        }
      }
    },
    refuse(on) {
      refusing = on;
    },
    delay(ms) {
      delayMs = ms;
    },
    dribble(on) {
      dribbling = on;
    },
    swallow,
    heal() {
      refusing = dribbling = false;
      delayMs = 0;
      swallow(false);
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const link of links) reset(link);
      await closed;
    },
  };
}
