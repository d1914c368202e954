// Large requests wait for room before they come, hold it until their handler is through, and are
// given up where they hardly come; small ones and other callers do not notice.
import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import type { ServiceImpl } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { eventually, settled } from "../../test/testing/eventually.ts";
import { bytes, openTestServer, type TestService } from "../testing/service.ts";
import type { ArrivalBudget, ArrivalOptions } from "./arrivals.ts";

const kib = 1024;

/** Half of it for each caller, in order of asking. */
class Room implements ArrivalBudget {
  readonly #perCaller: number;
  readonly #held = new Map<string, number>();
  readonly #queue = new Set<{ caller: string; bytes: number; grant: () => void }>();

  constructor(bytes: number) {
    this.#perCaller = bytes / 2;
  }

  get used(): number {
    return [...this.#held.values()].reduce((sum, held) => sum + held, 0);
  }

  get waiting(): number {
    return this.#queue.size;
  }

  async acquire(caller: string, bytes: number, abort: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const one = { caller, bytes, grant: resolve };
    this.#queue.add(one);
    abort.addEventListener("abort", () => this.#queue.delete(one) && reject(abort.reason));
    this.#grant();
    await promise;
  }

  release(caller: string, bytes: number): void {
    this.#held.set(caller, this.#held.get(caller)! - bytes);
    this.#grant();
  }

  #grant(): void {
    for (const one of this.#queue) {
      const held = (this.#held.get(one.caller) ?? 0) + one.bytes;
      if (held > this.#perCaller) continue;
      this.#queue.delete(one);
      this.#held.set(one.caller, held);
      one.grant();
    }
  }
}

async function open(
  impl: Partial<ServiceImpl<TestService>>,
  { roomBytes, ...options }: { roomBytes: number } & Partial<ArrivalOptions>,
) {
  const room = new Room(roomBytes);
  const server = await openTestServer(impl, {
    incoming: {
      room,
      tooSlow: () => new ConnectError("too slow", Code.DeadlineExceeded),
      tooSmall: () => {},
      callerOf: ({ requestHeader }) => requestHeader.get("caller") ?? "",
      ...options,
    },
  });
  return { room, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Begins a call and sends the first bytes of its message, of so many. */
function begin(
  port: number,
  { method = "Unary", caller = "", length = 100 * kib, part = 60 * kib },
) {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const stream = session.request({
    ":method": "POST",
    ":path": `/test.TestService/${method}`,
    "content-type": "application/grpc",
    te: "trailers",
    caller,
  });
  let status: number | undefined;
  const note = (headers: Record<string, unknown>) => {
    if (headers["grpc-status"] !== undefined) status = Number(headers["grpc-status"]);
  };
  stream
    .on("error", () => {})
    .on("response", note)
    .on("trailers", note)
    .resume();
  // BytesValue of the rest: a tag, three bytes of length, zeros.
  const size = length - 4;
  const head = Buffer.from([
    0,
    0,
    0,
    0,
    0,
    0x0a,
    (size & 127) | 128,
    ((size >> 7) & 127) | 128,
    size >> 14,
  ]);
  head.writeUInt32BE(length, 1);
  const whole = Buffer.concat([head, Buffer.alloc(size)]);
  stream.write(whole.subarray(0, part));
  return {
    stream,
    finish: () => void stream.end(whole.subarray(part)),
    get status() {
      return status;
    },
    [Symbol.dispose]: () => session.destroy(),
  };
}

const length = { unary: ({ value }: { value: Uint8Array }) => bytes(value.length % 100) };

test("what has no room is not read, what is small and what another caller sends is", async () => {
  await using opened = await open(length, { roomBytes: 400 * kib });
  const { room, server } = opened;
  const { port } = server.server;
  using first = begin(port, { caller: "a" });
  await eventually("it has room", () => room.used === 100 * kib);
  using second = begin(port, { caller: "a" });
  await eventually("it has room too", () => room.used === 200 * kib);
  using third = begin(port, { caller: "a" });
  await eventually("it waits", () => room.waiting === 1);
  third.finish();
  expect(
    (await server.client.unary(bytes(4_000), { headers: { caller: "a" } })).value,
  ).toHaveLength(0);
  expect(
    (await server.client.unary(bytes(90_000), { headers: { caller: "b" } })).value,
  ).toHaveLength(0);
  expect(await settled(() => room.used)).toBe(200 * kib);
  expect(third.status).toBeUndefined();
  first.finish();
  await eventually("the third has come", () => third.status === 0);
  expect(first.status).toBe(0);
  second.stream.close();
  await eventually("all is given back", () => room.used === 0 && room.waiting === 0);
});

test("a message holds its room until its handler is through with it", async () => {
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  await using opened = await open(
    {
      async unary() {
        await go;
        return bytes(1);
      },
    },
    { roomBytes: 1_000 * kib },
  );
  // Small enough to come in one piece, and large enough to count.
  const calls = [
    opened.server.client.unary(bytes(10 * kib)),
    opened.server.client.unary(bytes(200 * kib)),
  ];
  await eventually("both are held", () => opened.room.used > 210 * kib);
  expect(opened.room.used).toBeLessThan(211 * kib);
  letGo();
  await Promise.all(calls);
  await eventually("both are given back", () => opened.room.used === 0);
});

test("of a stream, the message that its handler has and the one that comes are held", async () => {
  const steps: (() => void)[] = [];
  let read = 0;
  await using opened = await open(
    {
      async clientStream(requests) {
        for await (const _ of requests) {
          read++;
          await new Promise<void>((resolve) => steps.push(resolve));
        }
        return bytes(1);
      },
    },
    { roomBytes: 10_000 * kib },
  );
  const { room, server } = opened;
  const source = async function* () {
    for (let i = 0; i < 5; i++) yield bytes(100 * kib);
  };
  const answer = server.client.clientStream(source());
  for (let i = 1; i <= 5; i++) {
    await eventually("it is at its handler", () => read === i);
    expect(await settled(() => room.used)).toBeLessThan(301 * kib);
    expect(room.used).toBeGreaterThan(100 * kib);
    steps.shift()!();
  }
  await answer;
  await eventually("all is given back", () => room.used === 0);
});

test("a compressed message has room for the most that it may become, then for what it is", async () => {
  const { promise: go, resolve: letGo } = Promise.withResolvers<void>();
  const seen: number[] = [];
  await using opened = await open(
    {
      async unary({ value }) {
        seen.push(value.length);
        await go;
        return bytes(1);
      },
    },
    { roomBytes: 10_000 * kib },
  );
  const session = connectHttp2(`http://127.0.0.1:${opened.server.server.port}`);
  const plain = Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x10]), Buffer.alloc(256 * kib)]);
  const packed = gzipSync(plain);
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeUInt32BE(packed.length, 1);
  const stream = session.request({
    ":method": "POST",
    ":path": "/test.TestService/Unary",
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-encoding": "gzip",
  });
  stream.on("error", () => {}).resume();
  stream.end(Buffer.concat([head, packed]));
  await eventually("it is at its handler", () => seen.length === 1);
  expect(opened.room.used).toBe(plain.length);
  letGo();
  await eventually("it is given back", () => opened.room.used === 0);
  session.destroy();
});

test("a message that stops coming, or hardly comes, ends its call by name and gives its room back", async () => {
  let nowMs = 0;
  await using opened = await open(length, {
    roomBytes: 1_000 * kib,
    stallMs: 400,
    monotonicMs: () => nowMs,
  });
  const { room, server } = opened;
  using stopped = begin(server.server.port, {});
  await eventually("it has room", () => room.used === 100 * kib);
  nowMs = 399;
  expect(await settled(() => stopped.status)).toBeUndefined();
  nowMs = 800;
  await eventually(
    "it is given up",
    () => stopped.status === Code.DeadlineExceeded && room.used === 0,
  );
  using crawling = begin(server.server.port, { part: 8 * kib });
  await eventually("it has room", () => room.used === 100 * kib);
  for (let i = 0; i < 20 && crawling.status === undefined; i++) {
    nowMs += 390;
    crawling.stream.write(Buffer.alloc(100));
    await settled(() => crawling.status);
  }
  expect(crawling.status).toBe(Code.DeadlineExceeded);
  await eventually("its room is given back", () => room.used === 0);
});

test("a client that leaves while its message waits for room is no failure of the server", async () => {
  const told: unknown[] = [];
  const never = {
    acquire: (_caller: string, _bytes: number, abort: AbortSignal) =>
      new Promise<void>((_, reject) => abort.addEventListener("abort", () => reject(abort.reason))),
    release: () => {},
  };
  await using server = await openTestServer(length, {
    incoming: {
      room: never,
      tooSlow: () => new Error("slow"),
      tooSmall: () => new Error("small"),
      callerOf: () => "",
    },
    toError: (error) => {
      told.push(error);
      return ConnectError.from(error, Code.Internal);
    },
  });
  const controller = new AbortController();
  // In one piece, so that its handler is the one who waits.
  const call = server.client.unary(bytes(10 * kib), { signal: controller.signal });
  await eventually("the call has come", () => server.server.openCalls === 1);
  await settled(() => told.length);
  controller.abort();
  await expect(call).rejects.toMatchObject({ code: Code.Canceled });
  await eventually("its handler is told", () => told.length === 1);
  expect(told[0]).toMatchObject({ code: Code.Canceled });
});
