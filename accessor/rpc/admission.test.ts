// Too many calls at once: refused at once with a time to try again, while those that run go on.
import { ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "#gen/google/rpc/error_details_pb.ts";
import { openTestAccessor, type TestAccessor } from "../testing/accessor.ts";

async function refusal(call: () => Promise<unknown>): Promise<string> {
  const error = await call().then(
    () => undefined,
    (reason) => ConnectError.from(reason),
  );
  expect(error?.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(1n);
  const [info] = error!.findDetails(ErrorInfoSchema);
  return `${info?.reason} ${info?.metadata["limit"]}`;
}

/** Opens a feed and takes its first message. */
async function openFeed({ signals }: TestAccessor) {
  const stop = new AbortController();
  const feed = signals.watchSignals({}, { signal: stop.signal })[Symbol.asyncIterator]();
  await feed.next();
  return { feed, stop };
}

test("a feed too many is refused, the running ones go on, and one that ends makes room", async () => {
  await using accessor = await openTestAccessor({ maxCalls: { feeds: 2 }, bookmarkIntervalMs: 20 });
  const [first, second] = [await openFeed(accessor), await openFeed(accessor)];
  expect(await refusal(() => openFeed(accessor))).toBe("OVERLOADED feeds");
  expect((await first.feed.next()).done).toBe(false);
  second.stop.abort();
  await expect(second.feed.next()).rejects.toThrow();
  let third: Awaited<ReturnType<typeof openFeed>> | undefined;
  // The server learns of the cancellation a moment later.
  for (const deadline = Date.now() + 5_000; third === undefined && Date.now() < deadline; ) {
    third = await openFeed(accessor).catch(() => undefined);
  }
  expect(third).toBeDefined();
  for (const { stop } of [first, third!]) stop.abort();
});

test("queries, ranges, batches and producers have bounds of their own", async () => {
  await using accessor = await openTestAccessor({
    maxCalls: { queries: 0, ranges: 0, batches: 0, producers: 0 },
  });
  const { signals, ingest } = accessor;
  expect(await refusal(() => signals.listMachines({}))).toBe("OVERLOADED queries");
  expect(await refusal(() => Array.fromAsync(signals.readSignals({})))).toBe("OVERLOADED ranges");
  expect(await refusal(() => ingest.ingestBatch({ producerId: "p", sequence: 1n }))).toBe(
    "OVERLOADED batches",
  );
  async function* hello() {
    yield { message: { case: "hello" as const, value: { producerId: "p" } } };
  }
  expect(await refusal(() => Array.fromAsync(ingest.ingest(hello())))).toBe("OVERLOADED producers");
  const { feed, stop } = await openFeed(accessor);
  stop.abort();
  await expect(feed.next()).rejects.toThrow();
});
