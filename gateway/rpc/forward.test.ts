// The forwarder in isolation: the deadline that reaches the accessor, the places that a stream
// borrows, and that no listener and no place is left behind.
import { getEventListeners } from "node:events";
import { create } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createClient,
  createContextValues,
  createRouterTransport,
} from "@connectrpc/connect";
import { expect, test } from "vitest";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { SignalService } from "#gen/millrace/v1/signal_service_pb.ts";
import { callerKey } from "../caller/caller.ts";
import { CallerShares } from "../limits/caller-shares.ts";
import { releaseBodyKey } from "../limits/release-body.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type ForwardOptions, forwardService, streamKindOf } from "./forward.ts";

/**
 * An upstream that records its requests, and streams a given number of messages, or one for each
 * that arrives.
 */
function open({ messages = 3, fails = false, waitMs = 0 } = {}) {
  const state = { timeouts: [] as (number | undefined)[], out: 0, failures: 0, streams: 0 };
  const transport: Upstream["transport"] = {
    async unary(_method, _signal, timeoutMs) {
      state.timeouts.push(timeoutMs);
      throw new ConnectError("noted", Code.Aborted);
    },
    async stream(method, _signal, _timeoutMs, _header, input) {
      state.streams++;
      if (fails) throw new ConnectError("away", Code.Unavailable);
      const message = (async function* () {
        if (method.methodKind === "bidi_streaming")
          for await (const _ of input) yield create(method.output);
        else for (let i = 0; i < messages; i++) yield create(method.output);
      })();
      return {
        stream: true,
        service: method.parent,
        method,
        header: new Headers(),
        message,
        trailer: new Headers(),
      } as never;
    },
  };
  const upstream = {
    transport,
    as: () => upstream,
    borrow() {
      state.out++;
      return { transport, [Symbol.dispose]: () => void state.out-- };
    },
  } as unknown as Upstream;
  const shares = new CallerShares();
  const shutdown = new AbortController();
  const options: ForwardOptions = {
    upstream,
    shares,
    unaryDeadlineMs: 30_000,
    shutdownSignal: shutdown.signal,
    onRequest: () => waitMs,
    onError: () => state.failures++,
  };
  type Stream = (request: object, context: object) => AsyncIterable<unknown>;
  const handlers: { watchSignals?: Stream; ingest?: Stream } = {};
  const keep = {
    service: (_: unknown, made: object) => Object.assign(handlers, made),
  } as unknown as ConnectRouter;
  for (const service of [SignalService, IngestService]) forwardService(keep, service, options);
  const router = createRouterTransport((routes) => forwardService(routes, SignalService, options));
  const client = createClient(SignalService, router);
  const listeners = () => getEventListeners(shutdown.signal, "abort").length;
  return { state, shares, handlers, client, listeners };
}

test("a call with one answer has 30 s at most, or what its client gives it", async () => {
  const { client, state } = open();
  const ask = (timeoutMs?: number) =>
    client
      .listMachines({}, timeoutMs === undefined ? {} : { timeoutMs })
      .catch((error) => ConnectError.from(error).code);
  expect(await ask()).toBe(Code.Aborted);
  await ask(86_400_000);
  await ask(5_000);
  expect(state.timeouts.slice(0, 2)).toEqual([30_000, 30_000]);
  expect(state.timeouts[2]).toBeLessThanOrEqual(5_000);
});

test("after fifty streams, read, left or failed, nothing is borrowed and nobody listens", async () => {
  for (const fails of [false, true]) {
    const { client, state, shares, listeners } = open({ fails });
    for (let i = 0; i < 50; i++) {
      const stop = new AbortController();
      try {
        for await (const _ of client.watchSignals({}, { signal: stop.signal }))
          if (i % 2 === 0) stop.abort();
      } catch (error) {
        expect([Code.Canceled, Code.Unavailable]).toContain(ConnectError.from(error).code);
      }
    }
    expect([state.out, listeners(), ...Object.values(shares.borrowed())]).toEqual([
      0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    expect(state.failures > 0).toBe(fails);
  }
});

test("a stream gives everything back by itself, and at once where its client leaves while nobody asks for more", async () => {
  const { handlers, state, shares, listeners } = open();
  const begin = (abort: AbortSignal) => {
    const context = {
      signal: abort,
      timeoutMs: () => undefined,
      values: createContextValues(),
      requestHeader: new Headers(),
    };
    return handlers.watchSignals!({}, context)[Symbol.asyncIterator]();
  };
  const stream = begin(new AbortController().signal);
  while (!(await stream.next()).done)
    expect([state.out, shares.borrowed()["feeds"], listeners()]).toEqual([1, 1, 1]);
  expect([state.out, shares.borrowed()["feeds"], listeners()]).toEqual([0, 0, 0]);
  const gone = new AbortController();
  await begin(gone.signal).next();
  gone.abort();
  expect([state.out, shares.borrowed()["feeds"], listeners()]).toEqual([0, 0, 0]);
});

test("nobody is asked for a client that has gone already", async () => {
  const { handlers, state, shares, listeners } = open();
  const values = createContextValues();
  const abort = AbortSignal.abort(new Error("gone"));
  const context = {
    signal: abort,
    timeoutMs: () => undefined,
    values,
    requestHeader: new Headers(),
  };
  await expect(
    handlers.watchSignals!({}, context)[Symbol.asyncIterator]().next(),
  ).rejects.toThrow();
  expect([state.streams, state.out, shares.borrowed()["feeds"], listeners()]).toEqual([0, 0, 0, 0]);
});

test("what a client sends beyond its rate is passed on, said to be, and followed by nothing until it has waited", async () => {
  const { handlers, state, shares } = open({ waitMs: 3_600_000 });
  const gone = new AbortController();
  let [read, releaseBody] = [0, 0];
  const requests = (async function* () {
    for (;;) {
      read++;
      yield create(IngestService.method.ingest.input);
    }
  })();
  const values = createContextValues().set(releaseBodyKey, () => void releaseBody++);
  const context = {
    signal: gone.signal,
    timeoutMs: () => undefined,
    values,
    requestHeader: new Headers(),
  };
  const stream = handlers.ingest!(requests, context)[Symbol.asyncIterator]();
  expect((await stream.next()).done).toBe(false);
  const next = stream.next();
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  expect([read, releaseBody]).toEqual([1, 1]);
  gone.abort();
  await next;
  await stream.return?.();
  expect([state.out, shares.borrowed()["ingests"]]).toEqual([0, 0]);
});

test("a stream beyond its caller's share is refused before the accessor is asked", async () => {
  const { client, state, shares } = open();
  const values = createContextValues();
  const taken = Array.from({ length: 16 }, () => shares.enter("exports", values.get(callerKey)));
  const read = async () => {
    for await (const _ of client.readSignals({ signals: ["power"] }));
  };
  await expect(read()).rejects.toMatchObject({ code: Code.ResourceExhausted });
  expect(state.out).toBe(0);
  for (const place of taken) place[Symbol.dispose]();
  await read();
  expect(shares.borrowed()["exports"]).toBe(0);
});

test("every method that streams has its kind", () => {
  const kinds = SignalService.methods
    .filter((method) => method.methodKind !== "unary")
    .map((m) => [m.name, streamKindOf(m)]);
  expect(Object.fromEntries(kinds)).toMatchObject({
    ReadSignals: "exports",
    WatchSignals: "feeds",
  });
});
