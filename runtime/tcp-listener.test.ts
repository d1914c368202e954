// One port, several sockets: more than one connection in a round, and no port shared with others.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { listenTcp } from "./tcp-listener.ts";

const host = "127.0.0.1";
const ignore = (socket: Socket) => void socket.on("error", () => {}).destroy();

test.runIf(process.platform === "linux")(
  "takes several connections in a round of the event loop",
  async () => {
    let inRound = 0;
    let most = 0;
    let taken = 0;
    const listener = await listenTcp({ host, port: 0 }, (socket) => {
      most = Math.max(most, ++inRound);
      taken++;
      ignore(socket);
    });
    let over = false;
    const round = () => {
      inRound = 0;
      if (!over) setImmediate(round);
    };
    setImmediate(round);
    const clients = Array.from({ length: 64 }, () =>
      connect(listener.port, host).on("error", () => {}),
    );
    await Promise.all(clients.map((client) => once(client, "close")));
    over = true;
    expect(taken).toBe(64);
    expect(most).toBeGreaterThan(1);
    await listener.close();
  },
);

test("a port that is taken is refused, whether by one of its kind or by any other", async () => {
  const other = createServer().listen(0, host);
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await expect(listenTcp({ host, port }, ignore)).rejects.toMatchObject({ code: "EADDRINUSE" });
  other.close();
  await once(other, "close");
  const listener = await listenTcp({ host, port }, ignore);
  expect(listener.port).toBe(port);
  await expect(listenTcp({ host, port }, ignore)).rejects.toMatchObject({ code: "EADDRINUSE" });
  const rival = createServer().listen(port, host);
  const [error] = await once(rival, "error");
  expect(error).toMatchObject({ code: "EADDRINUSE" });
  await listener.close();
  await (await listenTcp({ host, port }, ignore)).close();
});

test("closing waits for the connections that are open, and takes no more", async () => {
  const sockets: Socket[] = [];
  const listener = await listenTcp(
    { host, port: 0 },
    (socket) => void sockets.push(socket.on("error", () => {})),
  );
  const client = connect(listener.port, host).on("error", () => {});
  await once(client, "connect");
  await expect.poll(() => sockets.length).toBe(1);
  let closed = false;
  const closing = listener.close().then(() => {
    closed = true;
  });
  const late = connect(listener.port, host);
  const [error] = await once(late, "error");
  expect(error).toMatchObject({ code: "ECONNREFUSED" });
  expect(closed).toBe(false);
  sockets[0]!.destroy();
  await closing;
});
