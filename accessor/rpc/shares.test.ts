// What one caller does beyond its share: refused or ended by name, counted, and others do not
// notice.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { type Client, ConnectError, createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { forwardedClientHeader } from "../../access/forwarded-client.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { openUnreadClient, trailersOf } from "../../runtime/testing/unread.ts";
import { eventually } from "../../test/testing/eventually.ts";
import { callHead, frame, preface, repeat } from "../../test/testing/http2-frames.ts";
import {
  openTestAccessor,
  type TestAccessor,
  type TestAccessorOptions,
} from "../testing/accessor.ts";
import { epochUs, grid } from "../testing/batches.ts";

/** Clients of one accessor that come from different addresses, as a gateway tells it. */
async function openShared(options: TestAccessorOptions) {
  const stack = new AsyncDisposableStack();
  const accessor = stack.use(await openTestAccessor(options));
  const as = (address: string): Client<typeof SignalService> => {
    const transport = stack.use(
      createGrpcTransport({ baseUrl: `http://127.0.0.1:${accessor.port}` }),
    );
    return createClient(SignalService, {
      unary: (method, abort, timeoutMs, header, ...rest) =>
        transport.unary(
          method,
          abort,
          timeoutMs,
          { ...header, [forwardedClientHeader]: address },
          ...rest,
        ),
      stream: (method, abort, timeoutMs, header, ...rest) =>
        transport.stream(
          method,
          abort,
          timeoutMs,
          { ...header, [forwardedClientHeader]: address },
          ...rest,
        ),
    });
  };
  return { accessor, as, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function reasonOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason) => ConnectError.from(reason),
  );
  const [info] = error!.findDetails(ErrorInfoSchema);
  expect(error!.findDetails(RetryInfoSchema)).toHaveLength(1);
  return `${info?.reason} ${info?.metadata["limit"]}`;
}

const readSignals = "/millrace.v1.SignalService/ReadSignals";
const greedyHeaders = { [forwardedClientHeader]: "192.0.2.1" };

/** Stores some fourteen megabytes of samples that pack badly. */
async function store({ ingest }: TestAccessor) {
  for (let i = 0; i < 30; i++) {
    const values = Array.from({ length: 60_000 }, (_, k) => Math.sin(k * 1e6 + i));
    const batch = {
      machine: "mill-1",
      samples: [grid("power", epochUs + i * 600_000_000, values)],
    };
    await ingest.ingestBatch({ producerId: "p", sequence: BigInt(i + 1), batch });
  }
}

test("whoever takes all ranges it can get leaves others theirs, and is told that it is beyond its share", async () => {
  await using shared = await openShared({ maxCalls: { ranges: 8 } });
  const { accessor } = shared;
  await store(accessor);
  using unread = openUnreadClient(accessor.port);
  for (let i = 0; i < 8; i++) unread.call(readSignals, greedyHeaders);
  await eventually("all are taken", () => accessor.ledger.borrowed()["ranges"] === 8);
  expect(await reasonOf(Array.fromAsync(shared.as("192.0.2.1").readSignals({})))).toBe(
    "OVERLOADED ranges",
  );
  expect((await Array.fromAsync(shared.as("192.0.2.2").readSignals({}))).length).toBeGreaterThan(1);
  expect(accessor.ledger.refused()).toEqual({ ranges: 1 });
}, 60_000);

test("64 ranges that nobody reads hold a bounded number of bytes, and end by name", async () => {
  await using shared = await openShared({ maxCalls: { ranges: 64 }, unreadTimeoutMs: 2_000 });
  const { accessor } = shared;
  await store(accessor);
  using unread = openUnreadClient(accessor.port);
  const streams = Array.from({ length: 64 }, () => unread.call(readSignals, greedyHeaders));
  let most = 0;
  const { ledger } = accessor;
  await eventually(
    "all were ended",
    () => {
      most = Math.max(most, ledger.borrowed()["unread bytes"]!);
      return ledger.refused()["unread-bytes"] === 64;
    },
    { withinMs: 60_000 },
  );
  expect(most).toBeLessThan(64 * 4.5 * 1024 * 1024);
  // Those that were ended last have some seconds left in which they may still read why.
  expect((await trailersOf(streams.at(-1)!))["grpc-message"] ?? "").toMatch(
    /^$|the%20client%20stopped%20reading%20it/,
  );
  await eventually(
    "all is given back",
    () =>
      Object.entries(ledger.borrowed()).every(
        ([name, amount]) => name === "connections" || amount === 0,
      ),
    {
      withinMs: 30_000,
    },
  );
}, 120_000);

test("whoever leaves answers unread is asked to read them before it asks again, and others are answered", async () => {
  await using shared = await openShared({ maxUnreadBytes: 100_000 });
  const { accessor } = shared;
  for (let i = 0; i < 8; i++) {
    const samples = Array.from({ length: 250 }, (_, n) =>
      grid(`signal_${"n".repeat(40)}_${i}_${n}`, epochUs, [n]),
    );
    const batch = { machine: "mill-1", samples };
    const { result } = await accessor.ingest.ingestBatch({
      producerId: "p",
      sequence: BigInt(i + 1),
      batch,
    });
    expect([result?.refusal, result?.verdicts]).toEqual([undefined, []]);
  }
  using unread = openUnreadClient(accessor.port);
  const stream = unread.call("/millrace.v1.SignalService/ListSignals", greedyHeaders);
  const unreadBytes = () => accessor.ledger.borrowed()["unread bytes"]!;
  await eventually("the answer waits for its client", () => unreadBytes() > 50_000);
  expect(await reasonOf(shared.as("192.0.2.1").listMachines({}))).toBe("OVERLOADED unread-bytes");
  const batch = { machine: "mill-1", samples: [grid("power", epochUs, [1])] };
  const request = { producerId: "p1", sequence: 1n, batch };
  const headers = greedyHeaders;
  expect(await reasonOf(accessor.ingest.ingestBatch(request, { headers }))).toBe(
    "OVERLOADED unread-bytes",
  );
  expect(accessor.ledger.refused()).toEqual({ "unread-bytes": 2 });
  expect((await shared.as("192.0.2.2").listMachines({})).machines).toHaveLength(1);
  await trailersOf(stream);
  await eventually("it is read", () => unreadBytes() === 0);
  expect((await accessor.ingest.ingestBatch(request, { headers })).result?.duplicate).toBe(false);
  expect((await shared.as("192.0.2.1").listMachines({})).machines).toHaveLength(1);
});

test("calls a second are bounded for each caller", async () => {
  await using shared = await openShared({ callsPerSecond: 1 });
  const hasty = shared.as("192.0.2.1");
  const answers = await Promise.allSettled(
    Array.from({ length: 30 }, () => hasty.listMachines({})),
  );
  const refused = answers.filter(({ status }) => status === "rejected");
  expect(refused.length).toBeGreaterThan(10);
  expect(await reasonOf(Promise.reject((refused[0] as PromiseRejectedResult).reason))).toBe(
    "RATE_LIMITED calls-per-second",
  );
  expect((await shared.as("192.0.2.2").listMachines({})).machines).toEqual([]);
});

test("40 batches at once, each above what may be in flight, are all answered", async () => {
  await using accessor = await openTestAccessor({ maxInFlightBytes: 100_000 });
  const values = Array.from({ length: 5_000 }, (_, i) => Math.sin(i * 1e6));
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      accessor.ingest.ingestBatch({
        producerId: `p${i}`,
        sequence: 1n,
        batch: { machine: `m${i}`, samples: [grid("power", epochUs, values)] },
      }),
    ),
  );
  expect(
    answers.every(({ result }) => result?.refusal === undefined && result?.duplicate === false),
  ).toBe(true);
});

test("calls that never send their message are bounded, and end with their connection", async () => {
  await using shared = await openShared({ maxOpenCalls: 100 });
  const { accessor } = shared;
  const head = callHead(readSignals);
  const socket = connect(accessor.port, "127.0.0.1");
  socket.on("error", () => {}).resume();
  socket.write(Buffer.concat([preface, repeat(100, (i) => frame(1, 4, 2 * i + 1, head))]));
  // Of this machine's, each connection counts by itself.
  await eventually(
    "half of what there is is taken",
    () => accessor.ledger.borrowed()["open calls"] === 50,
  );
  expect(accessor.ledger.refused()).toEqual({ "open-calls": 50 });
  expect((await Array.fromAsync(shared.as("192.0.2.2").readSignals({}))).length).toBe(1);
  const other = connect(accessor.port, "127.0.0.1");
  other.on("error", () => {}).resume();
  other.write(Buffer.concat([preface, repeat(50, (i) => frame(1, 4, 2 * i + 1, head))]));
  await eventually("all is taken", () => accessor.ledger.borrowed()["open calls"] === 100);
  expect(await reasonOf(Array.fromAsync(shared.as("192.0.2.2").readSignals({})))).toBe(
    "OVERLOADED open-calls",
  );
  for (const one of [socket, other]) one.destroy();
  await eventually("it is given back", () => accessor.ledger.borrowed()["open calls"] === 0);
});

test("requests that stop half-way hold their caller's room only, and are ended by name", async () => {
  await using shared = await openShared({ maxIncomingBytes: 1_000_000, incomingMs: 500 });
  const { accessor } = shared;
  const session = connectHttp2(`http://127.0.0.1:${accessor.port}`);
  session.on("error", () => {});
  const part = Buffer.alloc(60_000);
  part.writeUInt32BE(300_000, 1);
  const path = "/millrace.v1.IngestService/IngestBatch";
  const head = {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  };
  const statuses: unknown[] = [];
  for (let i = 0; i < 10; i++) {
    const stream = session.request({ ...head, ...greedyHeaders });
    stream.on("error", () => {}).on("response", (told) => statuses.push(told["grpc-status"]));
    stream.resume().write(part);
  }
  await eventually(
    "one is read, the others wait",
    () => accessor.ledger.borrowed()["requests that wait for room"] === 9,
  );
  expect(accessor.ledger.borrowed()["bytes of requests"]).toBe(300_000);
  const values = Array.from({ length: 20_000 }, (_, k) => Math.sin(k));
  const batch = { machine: "mill-1", samples: [grid("power", epochUs, values)] };
  const { result } = await accessor.ingest.ingestBatch({ producerId: "p", sequence: 1n, batch });
  expect(result).toMatchObject({ sequence: 1n, verdicts: [] });
  await eventually("each was given up in its turn", () => statuses.length === 10, {
    withinMs: 30_000,
  });
  expect(new Set(statuses)).toEqual(new Set(["4"]));
  expect(accessor.ledger.refused()["incoming-rate"]).toBe(10);
  session.destroy();
});
