// The limiter on its own: a request counts for its address and for its key, each in full, and streams are given back.
import { expect, test } from "vitest";
import type { AddressReader } from "./client-address.ts";
import { createLimitGuard } from "./guard-limits.ts";
import { type ClientLimits, Limiter } from "./limiter.ts";

const limits: ClientLimits = {
  requests: { perSecond: 1, burst: 100 },
  samples: { perSecond: 10, burst: 10 },
  maxStreams: 2,
};

test("the records of a body are charged to its address and to its key, and the longer wait counts", () => {
  const clock = { nowMs: 0 };
  const perKey = { ...limits, samples: { perSecond: 5, burst: 10 } };
  const limiter = new Limiter({ perAddress: limits, perKey, monotonicMs: () => clock.nowMs });
  const addresses = { of: () => "192.0.2.1", isProxy: () => false } satisfies AddressReader;
  const log = { warn() {} } as never;
  const guard = createLimitGuard({ limiter, addresses, limitLoopback: true, log });
  const closed: (() => void)[] = [];
  const reply = {
    headers() {},
    raw: { closed: false, once: (_: string, then: () => void) => closed.push(then) },
  } as never;
  const request = {
    ...{ routeOptions: { config: { writes: true, streams: true } }, url: "/signals", headers: {}, raw: { socket: {} } },
    meter: undefined as ((records: number) => number) | undefined,
  };
  const context = { request: request as never, reply };
  guard.enter("address", "192.0.2.1", context);
  guard.enter("key", "k", context);
  expect(limiter.streams).toBe(2);
  // 20 records on a burst of 10: the key waits for 11 at 5 a second, the address for 11 at 10 a second.
  expect(request.meter!(20)).toBe(2_200);
  const refusedBy = (kind: "key" | "address", client: string) =>
    limiter.enter(kind, client, { streams: false, writes: true }).refusal?.limit;
  expect([refusedBy("address", "192.0.2.1"), refusedBy("key", "k")]).toEqual([
    "samples-per-address",
    "samples-per-key",
  ]);
  expect([refusedBy("address", "192.0.2.9"), refusedBy("key", "other")]).toEqual([undefined, undefined]);
  for (const close of closed) close();
  expect(limiter.streams).toBe(0);
});

test("a response that is over before it is counted is given back at once", () => {
  const limiter = new Limiter({ perAddress: limits, perKey: limits });
  const addresses = { of: () => "192.0.2.1", isProxy: () => false } satisfies AddressReader;
  const guard = createLimitGuard({ limiter, addresses, limitLoopback: true, log: { warn() {} } as never });
  const request = { routeOptions: { config: { streams: true } }, url: "/", headers: {}, raw: { socket: {} } } as never;
  const over = [
    { closed: true, once() {} },
    { stream: { destroyed: true }, once() {} },
  ];
  for (const raw of over)
    for (let i = 0; i < 5; i++) guard.enter("key", "k", { request, reply: { headers() {}, raw } as never });
  expect(limiter.streams).toBe(0);
});
