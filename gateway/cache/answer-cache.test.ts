// Cached answers: made once for many requests, bounded in bytes, and never older than their version
// or their time.
import { expect, test } from "vitest";
import { AnswerCache, type KeptAnswer } from "./answer-cache.ts";

const { signal: abort } = new AbortController();
let nowMs = 0;
const open = (maxBytes = 1_000_000) => new AnswerCache({ maxBytes, monotonicMs: () => nowMs });

function answer(version: string, text = "{}", untilMs = Number.POSITIVE_INFINITY): KeptAnswer {
  return {
    version,
    headers: {},
    text: Buffer.from(text),
    digest: text,
    madeMs: nowMs,
    untilMs,
    encoded: new Map(),
  };
}

test("many who ask for the same at once wait for one making", async () => {
  const cache = open();
  const { promise, resolve } = Promise.withResolvers<KeptAnswer>();
  let made = 0;
  const make = () => {
    made++;
    return promise;
  };
  const asked = Array.from({ length: 50 }, () =>
    cache.answer({ key: "k", version: "1", abort }, make),
  );
  const other = cache.answer({ key: "k", version: "2", abort }, async () => answer("2"));
  resolve(answer("1"));
  expect(new Set(await Promise.all(asked)).size).toBe(1);
  await other;
  expect([made, cache.counts.misses, cache.counts.joins]).toEqual([1, 2, 49]);
});

test("an answer is kept for its version only, and no longer than it is good", async () => {
  const cache = open();
  const ask = (version: string, untilMs?: number) =>
    cache.answer({ key: "k", version, abort }, async () =>
      answer(version, `"${version}"`, untilMs),
    );
  await ask("1");
  await ask("1");
  expect((await ask("2")).version).toBe("2");
  expect(cache.counts).toMatchObject({ hits: 1, misses: 2 });
  await ask("3", 1_000);
  nowMs = 999;
  await ask("3", 1_000);
  nowMs = 1_000;
  await ask("3", 2_000);
  expect(cache.counts).toMatchObject({ hits: 2, misses: 4 });
});

test("what is made when the last asker has left is called off; failures are everybody's and not kept", async () => {
  const cache = open();
  const stops = [new AbortController(), new AbortController()];
  let toldOf: AbortSignal | undefined;
  const make = (given: AbortSignal) => {
    toldOf = given;
    return new Promise<KeptAnswer>((_, reject) =>
      given.addEventListener("abort", () => reject(given.reason)),
    );
  };
  const asked = stops.map((stop) =>
    cache.answer({ key: "k", version: "1", abort: stop.signal }, make),
  );
  stops[0]!.abort(new Error("one has left"));
  expect(toldOf!.aborted).toBe(false);
  stops[1]!.abort(new Error("all have left"));
  const outcomes = await Promise.allSettled(asked);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(toldOf!.aborted).toBe(true);
  expect(
    (await cache.answer({ key: "k", version: "1", abort }, async () => answer("1"))).version,
  ).toBe("1");
});

test("bytes are bounded, compressed forms included, and one answer never takes it all", async () => {
  const cache = open(40_000);
  const put = (key: string, bytes: number) =>
    cache.answer({ key, version: "1", abort }, async () => answer("1", "x".repeat(bytes)));
  for (let i = 0; i < 20; i++) {
    const made = await put(`k${i}`, 4_000);
    cache.keepEncoded(`k${i}`, made, "br", Buffer.alloc(1_000));
    expect(cache.bytes).toBeLessThanOrEqual(40_000);
  }
  expect(cache.counts.evictions).toBeGreaterThan(10);
  const before = cache.entries;
  await put("huge", 30_000);
  expect(cache.entries).toBe(before);
  const none = open(0);
  await none.answer({ key: "k", version: "1", abort }, async () => answer("1"));
  await none.answer({ key: "k", version: "1", abort }, async () => answer("1"));
  expect(none.counts).toMatchObject({ hits: 0, misses: 2 });
});

test("what is kept of an answer is its own bytes, not the buffer that they were made in", async () => {
  const cache = open();
  const shared = Buffer.alloc(65_536, "x");
  const made = { ...answer("1"), text: shared.subarray(0, 100) };
  const kept = await cache.answer({ key: "k", version: "1", abort }, async () => made);
  cache.keepEncoded("k", kept, "gzip", shared.subarray(100, 140));
  const { text, encoded } = await cache.answer({ key: "k", version: "1", abort }, async () =>
    answer("no"),
  );
  expect([text.length, text.buffer.byteLength]).toEqual([100, 100]);
  expect(encoded.get("gzip")!.buffer.byteLength).toBe(40);
  expect(text.toString()).toBe("x".repeat(100));
});
