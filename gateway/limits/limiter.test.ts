// The limiter in isolation: a request counts for its address and for its key, its records for one
// of them, and streams are returned.
import { expect, test } from "vitest";
import type { AddressReader } from "../caller/client-address.ts";
import { type ClientLimits, Limiter } from "./limiter.ts";
import { createRequestQuotas } from "./request-quotas.ts";

const limits: ClientLimits = {
  requests: { perSecond: 1, burst: 100 },
  samples: { perSecond: 10, burst: 10 },
  streams: 2,
};

function openQuotas() {
  const perKey = { ...limits, samples: { perSecond: 5, burst: 10 } };
  const limiter = new Limiter({ perAddress: limits, perKey, monotonicMs: () => 0 });
  const addresses = { of: () => "192.0.2.1", isProxy: () => false } satisfies AddressReader;
  const log = { warn() {} } as never;
  const quotas = createRequestQuotas({ limiter, addresses, limitLoopback: true, log });
  const closed: (() => void)[] = [];
  const reply = {
    headers() {},
    raw: { closed: false, once: (_: string, then: () => void) => closed.push(then) },
  } as never;
  const request = {
    routeOptions: { config: { writes: true, streams: true } },
    url: "/signals",
    headers: {},
    raw: { socket: {} },
    meter: undefined as ((records: number) => number) | undefined,
  };
  const refusedBy = (kind: "key" | "address", client: string) =>
    limiter.enterRecords(kind, client).refusal?.limit;
  return {
    limiter,
    quotas,
    closed,
    request,
    context: { request: request as never, reply },
    refusedBy,
  };
}

test("the records of a key are the key's, not those of the address that others have too", () => {
  const { limiter, quotas, closed, request, context, refusedBy } = openQuotas();
  quotas.enter("address", "192.0.2.1", context);
  quotas.enter("key", "k", context);
  expect(limiter.streams).toBe(2);
  // 20 records on a burst of 10: the key waits for 11 at 5 a second.
  expect(request.meter!(20)).toBe(2_200);
  expect([refusedBy("key", "k"), refusedBy("key", "other")]).toEqual([
    "samples-per-key",
    undefined,
  ]);
  expect(refusedBy("address", "192.0.2.1")).toBe(undefined);
  expect(limiter.enter("key", "k", { streams: false, writes: true }).refusal?.limit).toBe(
    "samples-per-key",
  );
  for (const close of closed) close();
  expect(limiter.streams).toBe(0);
});

test("the records of nobody known are the address's", () => {
  const { limiter, quotas, closed, request, context, refusedBy } = openQuotas();
  quotas.enter("address", "192.0.2.1", context);
  quotas.enterWithoutKey("192.0.2.1", context);
  expect(request.meter!(20)).toBe(1_100);
  expect([refusedBy("address", "192.0.2.1"), refusedBy("address", "192.0.2.9")]).toEqual([
    "samples-per-address",
    undefined,
  ]);
  expect(() => quotas.enterWithoutKey("192.0.2.1", context)).toThrow(
    /over the address's limit of 10 samples a second/,
  );
  expect(limiter.refused.get("samples-per-address")).toBe(2);
  for (const close of closed) close();
  expect(limiter.streams).toBe(0);
});

test("a response that is over before it is counted is given back at once", () => {
  const limiter = new Limiter({ perAddress: limits, perKey: limits });
  const addresses = { of: () => "192.0.2.1", isProxy: () => false } satisfies AddressReader;
  const quotas = createRequestQuotas({
    limiter,
    addresses,
    limitLoopback: true,
    log: { warn() {} } as never,
  });
  const request = {
    routeOptions: { config: { streams: true } },
    url: "/",
    headers: {},
    raw: { socket: {} },
  } as never;
  const over = [
    { closed: true, once() {} },
    { stream: { destroyed: true }, once() {} },
  ];
  for (const raw of over)
    for (let i = 0; i < 5; i++)
      quotas.enter("key", "k", { request, reply: { headers() {}, raw } as never });
  expect(limiter.streams).toBe(0);
});
