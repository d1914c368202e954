// Connections of HTTP/2 that send very small frames, against a real server.
import { once } from "node:events";
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { expect, test, vi } from "vitest";
import { eventually } from "../test/testing/eventually.ts";
import { frame, getRoot, preface, repeat } from "../test/testing/http2-frames.ts";
import { boundFrames } from "./http2-pieces.ts";

async function open() {
  boundFrames();
  const server = createServer();
  const got = { bytes: 0, frames: 0, streams: 0, keptBytes: 0 };
  server.on("stream", (stream) => {
    got.streams++;
    stream.on("error", () => {});
    stream.on("data", (data: Buffer) => {
      got.bytes += data.length;
      got.frames++;
      got.keptBytes += data.buffer.byteLength;
    });
    stream.on(
      "end",
      () => stream.destroyed || stream.respond({ ":status": 200 }, { endStream: true }),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {});
  const said: Buffer[] = [];
  socket.on("data", (data: Buffer) => said.push(data));
  const [session] = (await Promise.all([once(server, "session"), socket.write(preface)]))[0] as [
    ServerHttp2Session,
  ];
  return {
    socket,
    session,
    got,
    said: () => Buffer.concat(said),
    [Symbol.dispose]() {
      socket.destroy();
      server.close();
    },
  };
}

/** Of Node's own socket. */
const handleOf = ({ socket }: ServerHttp2Session) =>
  (socket as unknown as { _handle: { readStop(): void; readStart(): void } })._handle;

const head = (stream: number) => frame(1, 4, stream, getRoot);
const data = (bytes: number, stream = 1) => frame(0, 0, stream, Buffer.alloc(bytes));
/** GOAWAY (RFC 9113, 6.8) with ENHANCE_YOUR_CALM. */
const calm = frame(7, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 11]));

test("a connection that sends frames of a byte is ended, and told why, after a thousand", async () => {
  using server = await open();
  server.socket.write(Buffer.concat([head(1), repeat(6_000, () => data(1))]));
  await once(server.socket, "close");
  expect(server.said().includes(calm)).toBe(true);
  expect(server.got.bytes).toBeLessThan(1_200);
});

test("frames of a hundred bytes all arrive, and never stop the reading of their connection", async () => {
  using server = await open();
  const readStop = vi.spyOn(handleOf(server.session), "readStop");
  // Within the windows that a client has at first.
  server.socket.write(
    Buffer.concat([head(1), repeat(600, () => data(100)), head(3), repeat(50, () => data(100, 3))]),
  );
  await eventually("all are there", () => server.got.bytes === 65_000);
  expect(server.session.destroyed).toBe(false);
  expect(readStop).not.toHaveBeenCalled();
});

test("a thousand frames in a round stop the reading of their connection until the next", async () => {
  using server = await open();
  const handle = handleOf(server.session);
  const [readStop, readStart] = [vi.spyOn(handle, "readStop"), vi.spyOn(handle, "readStart")];
  server.socket.write(
    Buffer.concat([head(1), repeat(2_000, () => data(20)), frame(0, 1, 1, Buffer.alloc(0))]),
  );
  await eventually("they are there", () => server.got.bytes === 40_000);
  expect(readStop).toHaveBeenCalled();
  expect(readStart.mock.calls.length).toBe(readStop.mock.calls.length);
  expect(server.session.destroyed).toBe(false);
  // It is read again.
  server.socket.write(Buffer.concat([head(3), data(7, 3)]));
  await eventually("they are there", () => server.got.bytes === 40_007);
});

test("small messages, whole in the first or second frame of their streams, cost nothing", async () => {
  using server = await open();
  for (let round = 0; round < 20; round++) {
    const first = 2 * 50 * round + 1;
    const call = (i: number) => {
      const stream = first + 2 * i;
      return Buffer.concat([head(stream), data(5, stream), frame(0, 1, stream, Buffer.alloc(1))]);
    };
    server.socket.write(repeat(50, call));
    await eventually("they are there", () => server.got.streams === 50 * (round + 1));
  }
  await eventually("they are there", () => server.got.bytes === 6_000);
  expect(server.session.destroyed).toBe(false);
});

test("what is in a frame that waits does not keep what was read with it", async () => {
  using server = await open();
  const streams = Promise.withResolvers<ServerHttp2Stream>();
  server.session.once("stream", (stream: ServerHttp2Stream) => streams.resolve(stream.pause()));
  const ignored = frame(0xf0, 0, 0, Buffer.alloc(10_000));
  server.socket.write(
    Buffer.concat([
      head(1),
      ...[16, 5_000, 16].map((bytes) => Buffer.concat([data(bytes), ignored])),
    ]),
  );
  const stream = await streams.promise;
  await eventually("they wait", () => stream.readableLength === 5_032);
  stream.resume();
  await eventually("they are there", () => server.got.bytes === 5_032);
  expect(server.got.keptBytes).toBeLessThanOrEqual(2 * 5_032);
});

test("small frames that wait for their reader are joined, and arrive as they were sent", async () => {
  using server = await open();
  const sent = Buffer.from(Array.from({ length: 32_000 }, (_, i) => i & 0xff));
  const streams = Promise.withResolvers<ServerHttp2Stream>();
  server.session.once("stream", (stream: ServerHttp2Stream) => streams.resolve(stream.pause()));
  server.socket.write(
    Buffer.concat([
      head(1),
      repeat(2_000, (i) => frame(0, 0, 1, sent.subarray(16 * i, 16 * (i + 1)))),
    ]),
  );
  const stream = await streams.promise;
  await eventually("they wait", () => stream.readableLength === sent.length);
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece)).resume();
  await eventually("they are there", () => server.got.bytes === sent.length);
  expect(Buffer.concat(pieces)).toEqual(sent);
  expect(pieces.length).toBeLessThanOrEqual(24);
});
