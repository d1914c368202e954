// A connection runs ahead of the server by a bounded number of streams and of resets; clients that
// keep to HTTP/2's limits, and gateways whose clients leave, notice nothing.
import { once } from "node:events";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { eventually } from "../../test/testing/eventually.ts";
import {
  callHead,
  emptyCall,
  frame,
  preface,
  repeat,
  reset,
} from "../../test/testing/http2-frames.ts";
import { bytes, openTestServer } from "../testing/service.ts";
import { SessionPace } from "./session-pace.ts";

function open() {
  let nowMs = 0;
  const session = {
    closed: false,
    destroyed: false,
    pendingSettingsAck: false,
    limits: [] as number[],
    ends: [] as number[],
    settings: ({ maxConcurrentStreams }: { maxConcurrentStreams?: number }) =>
      void session.limits.push(maxConcurrentStreams!),
    goaway: (code: number) => void session.ends.push(code),
    destroy: () => {
      session.destroyed = true;
    },
  };
  const pace = new SessionPace(session as never, { monotonicMs: () => nowMs });
  return { session, pace, pass: (ms: number) => (nowMs += ms) };
}

const times = (count: number, what: () => void) => {
  for (let i = 0; i < count; i++) what();
};

test("a client may open more as what it opened begins, twice as many at a time, up to a thousand", () => {
  const { session, pace } = open();
  times(49, () => pace.began());
  expect(session.limits).toEqual([]);
  pace.began();
  expect(session.limits).toEqual([200]);
  times(950, () => pace.began());
  expect(session.limits).toEqual([200, 400, 800, 1_000]);
});

test("calls that are over do not count, and nothing is told before the last was acknowledged", () => {
  const { session, pace } = open();
  times(500, () => {
    pace.began();
    pace.ended();
  });
  expect(session.limits).toEqual([]);
  session.pendingSettingsAck = true;
  times(60, () => pace.began());
  expect(session.limits).toEqual([]);
  session.pendingSettingsAck = false;
  pace.began();
  expect(session.limits).toEqual([200]);
});

test("resets before calls begin have a burst, a rate, and four for each call that began", () => {
  const { session, pace, pass } = open();
  times(200, () => pace.resetEarly());
  pass(1_000);
  times(50, () => pace.resetEarly());
  pace.began();
  times(4, () => pace.resetEarly());
  expect(session.ends).toEqual([]);
  pace.resetEarly();
  expect(session.ends).toEqual([constants.NGHTTP2_ENHANCE_YOUR_CALM]);
  expect(session.destroyed).toBe(true);
  pace.resetEarly();
  expect(session.ends).toHaveLength(1);
});

test("nobody saves up resets", () => {
  const { session, pace, pass } = open();
  times(1_000, () => pace.began());
  pass(1_000_000);
  times(200, () => pace.resetEarly());
  expect(session.destroyed).toBe(false);
  pace.resetEarly();
  expect(session.destroyed).toBe(true);
});

const head = callHead("/test.TestService/Unary");

test("of five hundred streams in one write a real server takes a hundred, and refuses the others", async () => {
  const hold = Promise.withResolvers<void>();
  await using server = await openTestServer({
    unary: async () => {
      await hold.promise;
      return bytes(1);
    },
  });
  const socket = connect(server.server.port, "127.0.0.1");
  const said: Buffer[] = [];
  socket.on("error", () => {}).on("data", (data: Buffer) => said.push(data));
  socket.write(Buffer.concat([preface, repeat(500, (i) => emptyCall(i, head))]));
  // A frame of type 3 with REFUSED_STREAM, on the last stream.
  const refused = frame(3, 0, 999, Buffer.from([0, 0, 0, 7]));
  await eventually("the last is refused", () => Buffer.concat(said).includes(refused));
  expect(server.server.openCalls).toBe(100);
  hold.resolve();
  socket.destroy();
  await eventually("nothing is open", () => server.server.openCalls === 0);
});

test("a client that waits as it is told to has a thousand calls open on one connection", async () => {
  let open = 0;
  const hold = Promise.withResolvers<void>();
  await using server = await openTestServer({
    unary: async () => {
      open++;
      await hold.promise;
      return bytes(1);
    },
  });
  const calls = Array.from({ length: 1_000 }, () => server.client.unary(bytes(1)));
  await eventually("all have begun", () => open === 1_000);
  expect(server.server.connections).toBe(1);
  hold.resolve();
  await Promise.all(calls);
});

test("a connection that resets two thousand calls as they come ends, and others go on", async () => {
  let begun = 0;
  await using server = await openTestServer({
    unary: () => {
      begun++;
      return bytes(1);
    },
  });
  const socket = connect(server.server.port, "127.0.0.1");
  const said: Buffer[] = [];
  socket.on("error", () => {}).on("data", (data: Buffer) => said.push(data));
  const closed = once(socket, "close");
  socket.write(
    Buffer.concat([preface, repeat(2_000, (i) => Buffer.concat([emptyCall(i, head), reset(i)]))]),
  );
  await closed;
  // GOAWAY: type 7, on stream 0; ENHANCE_YOUR_CALM is its code.
  const goaway = Buffer.concat(said).indexOf(Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0]));
  expect(Buffer.concat(said).readUInt32BE(goaway + 13)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  expect(begun).toBeLessThan(100);
  expect((await server.client.unary(bytes(1))).value).toHaveLength(1);
});

test("a gateway whose clients leave resets calls that have begun, as many as they are", async () => {
  let begun = 0;
  await using server = await openTestServer({
    unary: (_, { signal: abort }) => {
      begun++;
      return new Promise((_, reject) =>
        abort.addEventListener("abort", () => reject(abort.reason), { once: true }),
      );
    },
    async *serverStream() {
      yield bytes(1);
    },
  });
  const lasting = new AbortController();
  let besideEnded = false;
  void server.client.unary(bytes(1), { signal: lasting.signal }).catch(() => {
    besideEnded = true;
  });
  await eventually("one has begun", () => begun === 1);
  for (let round = 0; round < 30; round++) {
    const leave = new AbortController();
    const before = begun;
    const calls = Array.from({ length: 50 }, () =>
      server.client.unary(bytes(1), { signal: leave.signal }),
    );
    const ended = Promise.allSettled(calls);
    await eventually("they have begun", () => begun === before + 50);
    leave.abort();
    await ended;
  }
  for await (const answer of server.client.serverStream(bytes(1)))
    expect(answer.value).toHaveLength(1);
  expect(besideEnded).toBe(false);
  expect(server.server.connections).toBe(1);
  lasting.abort();
});

test("a connection whose messages come in frames of a byte is ended, and others are served", async () => {
  await using server = await openTestServer({ unary: async () => bytes(1) });
  const socket = connect(server.server.port, "127.0.0.1");
  const said: Buffer[] = [];
  socket.on("error", () => {}).on("data", (data: Buffer) => said.push(data));
  const prefix = Buffer.from([0, 0, 0, 0xff, 0xff]);
  const body = repeat(3_000, () => frame(0, 0, 1, Buffer.alloc(1)));
  socket.write(Buffer.concat([preface, frame(1, 4, 1, head), frame(0, 0, 1, prefix), body]));
  await once(socket, "close");
  expect(Buffer.concat(said).includes(frame(7, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 11])))).toBe(
    true,
  );
  expect((await server.client.unary(bytes(1))).value).toHaveLength(1);
});

test("what all calls of a connection send together may be 1 MiB ahead", async () => {
  await using server = await openTestServer({ unary: async () => bytes(1) });
  const session = connectHttp2(`http://127.0.0.1:${server.server.port}`);
  await eventually("the connection is wide", () => session.state.remoteWindowSize === 1024 * 1024);
  session.destroy();
});
