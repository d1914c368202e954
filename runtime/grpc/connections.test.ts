// Connections beyond the bounds are closed as they come; those that are there go on, and one that
// closes makes room.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import { bytes, openTestServer } from "../testing/service.ts";

async function dial(
  port: number,
  localAddress: string,
): Promise<{ socket: Socket; closed: () => boolean }> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  let closed = false;
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  await once(socket, "connect");
  return { socket, closed: () => closed };
}

test("each address has so many, all together have so many", async () => {
  const refused: string[] = [];
  await using server = await openTestServer(
    { unary: () => bytes(1) },
    {
      connections: {
        maxConnections: 3,
        maxPerAddress: 2,
        onRefused: ({ limit }) => refused.push(limit),
      },
    },
  );
  const { port } = server.server;
  const own = [await dial(port, "127.0.0.2"), await dial(port, "127.0.0.2")];
  await eventually("both are counted", () => server.server.connections === 2);
  const third = await dial(port, "127.0.0.2");
  await eventually("the third is closed", third.closed);
  // Another address is not affected, until there is no room at all.
  expect((await server.client.unary(bytes(1))).value).toHaveLength(1);
  const fourth = await dial(port, "127.0.0.3");
  await eventually("the fourth is closed", fourth.closed);
  expect(refused).toEqual(["connections-per-address", "connections"]);
  expect(own.map(({ closed }) => closed())).toEqual([false, false]);
  own[0]!.socket.destroy();
  await eventually("there is room again", () => server.server.connections === 2);
  const next = await dial(port, "127.0.0.2");
  await eventually("it is counted", () => server.server.connections === 3);
  for (const { socket } of [own[1]!, next]) socket.destroy();
});
