// A connection to PostgreSQL that hangs without closing: cancelled statements end soon, and the
// next ones get another connection.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { createLog } from "../../runtime/log.ts";
import { testDatabase } from "../../test/testing/postgres.ts";
import { openDatabase } from "./database.ts";

/** Forwards to a port; swallow: existing connections carry nothing any more. */
async function openPipe(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    client.pipe(upstream).pipe(client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as { port: number }).port,
    swallow() {
      for (const socket of sockets) socket.unpipe().resume();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a read that is called off ends within a second or so, and the next is answered", async () => {
  await using own = await testDatabase();
  const url = new URL(own.url);
  await using pipe = await openPipe(Number(url.port));
  url.port = String(pipe.port);
  await using database = await openDatabase({
    url: url.href,
    maxReadConnections: 2,
    log: createLog({ name: "test", level: "silent" }),
  });
  await database.read("select 1", [], {});
  pipe.swallow();
  const reason = new Error("enough");
  const startedMs = performance.now();
  const stop = new AbortController();
  const read = database.read("select 1", [], { abort: stop.signal });
  setTimeout(() => stop.abort(reason), 50);
  await expect(read).rejects.toBe(reason);
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  expect(await database.read("select 2", [], {})).toEqual([[2]]);
});
