// Batches that spread over many minutes: counted, slowed on a stream, refused as single batches,
// and nobody else notices.
import { createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { IngestService } from "#gen/millrace/v1/ingest_service_pb.ts";
import { forwardedClientHeader } from "../../access/forwarded-client.ts";
import { TokenBuckets } from "../../access/token-buckets.ts";
import { createGrpcTransport } from "../../runtime/grpc/transport.ts";
import { openTestAccessor } from "../testing/accessor.ts";
import { type BatchInit, column, epochUs } from "../testing/batches.ts";
import { reasonOf } from "../testing/errors.ts";

import { Spread } from "./spread.ts";

const minuteUs = 60_000_000;
const spreadOver = (minutes: number, machine = "m"): BatchInit => ({
  machine,
  samples: [
    column(
      "power",
      Array.from({ length: minutes + 1 }, (_, i) => [epochUs + i * minuteUs, i]),
    ),
  ],
});

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

function open() {
  const refused: string[] = [];
  const buckets = new TokenBuckets({
    perSecond: 10,
    burst: 100,
    monotonicMs: () => performance.now(),
  });
  const spread = new Spread({
    buckets,
    isExempt: () => false,
    onRefused: (limit) => void refused.push(limit),
  });
  const take = (
    minutes: number,
    {
      holder = "a",
      maxWaitMs = Number.POSITIVE_INFINITY,
      signal: abort = AbortSignal.any([]),
    } = {},
  ) => spread.take(holder, minutes, { maxWaitMs, abort });
  return { take, refused };
}

test("a caller in debt waits until it is paid, others do not", async () => {
  const { take } = open();
  await take(200);
  let taken = false;
  const waiting = take(1).then(() => {
    taken = true;
  });
  await take(0);
  await take(200, { holder: "b" });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(taken).toBe(false);
  await vi.advanceTimersByTimeAsync(200);
  await waiting;
});

test("who would wait too long is refused at once, and who leaves no longer waits", async () => {
  const { take, refused } = open();
  await take(200);
  await expect(take(1, { maxWaitMs: 10_000 })).rejects.toMatchObject({
    reason: "RATE_LIMITED",
    metadata: { limit: "minutes-per-second" },
    retryAfterMs: 10_100,
  });
  expect(refused).toEqual(["minutes-per-second"]);
  const controller = new AbortController();
  const waiting = take(1, { signal: controller.signal });
  controller.abort(new Error("left"));
  await expect(waiting).rejects.toThrow("left");
  expect(vi.getTimerCount()).toBe(0);
});

test("of a remote caller, single batches are refused by name and a stream is slowed", async () => {
  vi.useRealTimers();
  await using accessor = await openTestAccessor({ minutesPerSecond: 400 });
  const clientOf = (address: string) => {
    const headers = { [forwardedClientHeader]: address };
    const transport = createGrpcTransport({
      baseUrl: `http://127.0.0.1:${accessor.port}`,
      headers,
    });
    return {
      client: createClient(IngestService, transport),
      [Symbol.dispose]: () => transport[Symbol.dispose](),
    };
  };
  using far = clientOf("192.0.2.1");
  using other = clientOf("192.0.2.2");
  const send = (client: typeof far.client, producerId: string, batch: BatchInit) =>
    client.ingestBatch({ producerId, sequence: 1n, batch });
  await send(far.client, "a", spreadOver(20_000));
  expect(await reasonOf(send(far.client, "b", spreadOver(1)))).toMatchObject({
    reason: "RATE_LIMITED",
    metadata: { limit: "minutes-per-second" },
    retryDelay: { seconds: expect.any(BigInt) },
  });
  // One minute costs nothing, and others have their own.
  expect((await send(far.client, "c", spreadOver(0))).result?.refusal).toBeUndefined();
  expect((await send(other.client, "d", spreadOver(12_100))).result?.refusal).toBeUndefined();
  const requests = (async function* () {
    yield { message: { case: "hello" as const, value: { producerId: "e" } } };
    for (const sequence of [1n, 2n])
      yield { message: { case: "batch" as const, value: { sequence, batch: spreadOver(5) } } };
  })();
  const acked: bigint[] = [];
  for await (const { message } of other.client.ingest(requests))
    if (message.case === "ack") acked.push(message.value.sequence);
  expect(acked.at(-1)).toBe(2n);
  expect(accessor.ledger.refused()).toEqual({ "minutes-per-second": 1 });
});
